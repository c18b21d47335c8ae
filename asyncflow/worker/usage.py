"""What a job uses of the machine: measured and limited in its process."""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from time import process_time

_UNIT = 1 if sys.platform == "darwin" else 1024
"""The bytes of a unit of ``ru_maxrss``."""


class Meter:
    """Measures jobs that run one after the other."""

    def __init__(self) -> None:
        self._looks = False
        self._cpu = self._of_children = 0.0
        self._peak = 0

    def begin(self, *, measure_peak: bool) -> None:
        """Measure the next jobs.

        :param measure_peak: whether to look for a job's own peak of memory; otherwise it
            is that of the process
        """
        self._looks = measure_peak

        if measure_peak:
            forget_peak()

        if measure_peak or not self._peak:
            self.measured(is_long=True)
        else:
            self._cpu = process_time() + self._of_children

    def measured(self, *, is_long: bool) -> tuple[float, int]:
        """Return what a job that has ended used: CPU time, and the peak of memory.

        The CPU time is that of this process, and of the children that it waited for,
        since the last job ended.

        :param is_long: whether it took so long that it may have waited for a child, or
            have moved the peak of the process much: to ask for these takes a microsecond
        """
        before = self._cpu

        if is_long:
            own, children = getrusage(RUSAGE_SELF), getrusage(RUSAGE_CHILDREN)
            self._of_children = children[0] + children[1]
            self._peak = own[2] * _UNIT

        self._cpu = cpu = process_time() + self._of_children
        return cpu - before, (_peak() if self._looks else None) or self._peak


def forget_peak() -> None:
    """Have the system forget the peak of memory of this process, if it can."""
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:
        return


def _peak() -> int | None:
    """Return the peak since it was forgotten, in bytes; None where nobody knows."""
    try:
        with open("/proc/self/status") as file:
            for line in file:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        return None

    return None


def memory_limited(limit: int | None) -> AbstractContextManager[None]:
    """Refuse this process more memory than it has and so many bytes.

    What is beyond raises `MemoryError` in Python; C code may end the process.

    :param limit: None for no limit
    """
    return _UNLIMITED if limit is None else _limited(limit)


_UNLIMITED = nullcontext()

_before: tuple[int, int] | None = None
"""The limit of memory to go back to, while a job has one of its own."""


def limit_of(number: int) -> tuple[int, int]:
    """Return a limit of this process, whatever memory the job that runs is allowed."""
    if number == resource.RLIMIT_AS and _before is not None:
        return _before

    return resource.getrlimit(number)


@contextmanager
def _limited(limit: int) -> Iterator[None]:
    global _before

    soft, hard = _before = resource.getrlimit(resource.RLIMIT_AS)
    maximum = _size() + limit
    allowed = min(maximum, hard) if hard != resource.RLIM_INFINITY else maximum
    resource.setrlimit(resource.RLIMIT_AS, (allowed, hard))

    try:
        yield
    finally:
        _before = None

        with suppress(ValueError, OSError):  # the job has lowered what cannot be raised
            resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _size() -> int:
    """Return the size of the address space of this process, in bytes."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[0]) * resource.getpagesize()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT
