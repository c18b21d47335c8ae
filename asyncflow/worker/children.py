"""The child processes of this process."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import suppress


def has_any() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    except (OSError, AttributeError):
        return False

    return True


def alive() -> Iterator[int]:
    """Give the child processes that are alive; -1 where the system does not tell."""
    try:
        for thread in os.listdir("/proc/self/task"):
            with open(f"/proc/self/task/{thread}/children", "rb") as file:
                yield from (pid for pid in map(int, file.read().split()) if _lives(pid))
    except OSError:
        yield -1


def _lives(pid: int) -> bool:
    with suppress(OSError), open(f"/proc/{pid}/stat", "rb") as file:
        return file.read().rpartition(b")")[2].split()[0] not in (b"Z", b"X")

    return False


def trackers() -> Iterator[object]:
    """Give the processes that `multiprocessing` keeps for as long as its process lives."""
    for name, module in [*sys.modules.items()]:
        if name.endswith(".resource_tracker"):
            yield getattr(getattr(module, "_resource_tracker", None), "_pid", None)

    forkserver = sys.modules.get("multiprocessing.forkserver")
    yield getattr(getattr(forkserver, "_forkserver", None), "_forkserver_pid", None)
