"""Whether this process has loaded what a file is now."""

from __future__ import annotations

import os
import time
from functools import cache

from asyncflow.executors.process.process_tree import CLOCK
from asyncflow.worker.loaded import open_file, read

_SECOND = 1_000_000_000


def was_loaded_before(spec: object, at: int, size: int) -> bool | None:
    """Tell whether a module was loaded before its file was changed; None for unknown.

    The byte code that Python has kept says of which change it is, and when that was.
    Blocks for a moment.

    :param spec: that of the module
    :param at: when the file was changed, in nanoseconds since the epoch
    :param size: that of the file
    """
    if at < _born():
        return False

    kept = getattr(spec, "cached", None)

    try:
        file = open_file(str(kept), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None

    try:
        head, made = read(file, 16), os.fstat(file).st_mtime_ns
    finally:
        os.close(file)

    if head[4:8] != bytes(4):
        return None  # it is known by the text alone

    facts = (at // _SECOND & 0xFFFFFFFF, size & 0xFFFFFFFF)
    is_of_it = head[8:16] == b"".join(fact.to_bytes(4, "little") for fact in facts)
    return not is_of_it or made < at


@cache
def _born() -> int:
    """Return when this process was started, in nanoseconds since the epoch.

    At most a tick of the system's clock later: it had loaded nothing by then.
    """
    try:
        file = open_file("/proc/self/stat", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return 0

    try:
        fields = read(file, 4096).rpartition(b")")[2].split()
    finally:
        os.close(file)

    ticks = int(fields[19]) + 1  # since the start of the system
    ago = time.clock_gettime_ns(CLOCK) - ticks * _SECOND // os.sysconf("SC_CLK_TCK")
    return time.time_ns() - ago
