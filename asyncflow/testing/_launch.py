"""Run a script with faults: ``python -m asyncflow.testing._launch FAULTS SCRIPT ...``."""

from __future__ import annotations

import os
import runpy
import sys

from asyncflow.testing.faults import Faults
from asyncflow.worker.values import fetch


def main() -> None:
    """Have the script find all as if it had been started alone."""
    _, pickled, script, *_rest = sys.argv
    del sys.argv[:2]
    sys.path[0] = os.path.dirname(script)
    faults = fetch(bytes.fromhex(pickled))
    assert isinstance(faults, Faults)

    with faults:
        runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    main()
