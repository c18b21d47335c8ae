"""What the 100 MB of `array` cost by themselves, in one process.

``python -m benchmarks.reference LENGTH`` prints a line of JSON, in seconds:

- `handing`: one copy of the array into new memory, and one map of a file of its size
  whose pages are in the system's cache, each page touched once;
- `work`: making the array and summing it, as the two jobs do.
"""

from __future__ import annotations

import json
import mmap
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks import work


def main(length: int) -> None:
    measure(max(1, length // 20), discard=True)
    measure(length, discard=False)


def measure(length: int, *, discard: bool) -> None:
    """Do all of it once; print what it took."""
    with tempfile.TemporaryDirectory(prefix="asyncflow-benchmark-") as folder:
        start = time.perf_counter()
        array = work.make_array(length)
        made = time.perf_counter() - start
        start = time.perf_counter()
        copied = array.copy()
        copying = time.perf_counter() - start
        file = Path(folder, "array")
        file.write_bytes(copied.data)
        start = time.perf_counter()
        mapped = np.memmap(file, copied.dtype, "r")
        float(mapped[:: mmap.PAGESIZE // mapped.itemsize].sum())
        mapping = time.perf_counter() - start
        start = time.perf_counter()
        work.total(mapped)
        summing = time.perf_counter() - start

    if not discard:
        print(json.dumps({"handing": copying + mapping, "work": made + summing}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
