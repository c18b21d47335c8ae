"""What a job uses of the machine: measured and limited in its process."""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from time import perf_counter, process_time

_UNIT = 1 if sys.platform == "darwin" else 1024
"""The bytes of a unit of ``ru_maxrss``."""


class Meter:
    """Measures jobs that run one after the other."""

    def __init__(self) -> None:
        self.looks: bool = False
        """Whether it looks for a job's own peak of memory."""
        self.peak: int = 0
        """The peak of the process when it was asked for last."""
        self._cpu = self._of_children = self._at = 0.0
        self._has_passed = False

    def begin(self, *, measure_peak: bool) -> None:
        """Measure the next jobs.

        :param measure_peak: whether to look for a job's own peak of memory; otherwise it
            is that of the process
        """
        self.looks = measure_peak

        if measure_peak:
            forget_peak()

        if measure_peak or not self.peak:
            self.measured(0.0)
        else:
            self._cpu, self._at = process_time() + self._of_children, perf_counter()

        self._has_passed = False

    def passed(self, wall: float) -> tuple[float, int]:
        """Do the same as `measured` for a job that took so little that it has waited for
        no child, nor moved the peak of the process much.

        To ask for its CPU time would take longer than many a job: it is the time that it
        took, which is no less but where it used several processors.
        """
        self._has_passed = True
        return wall, self.peak

    def measured(self, wall: float) -> tuple[float, int]:
        """Return what a job that has ended used: CPU time, and the peak of memory.

        The CPU time is that of this process, and of the children that it waited for,
        since the last job ended.

        :param wall: how long it took, in seconds
        """
        before, at = self._cpu, self._at
        own, children = getrusage(RUSAGE_SELF), getrusage(RUSAGE_CHILDREN)
        self._of_children = children[0] + children[1]
        self.peak = own[2] * _UNIT
        self._cpu, self._at = process_time() + self._of_children, perf_counter()
        cpu = self._cpu - before

        if self._has_passed:  # what was before it is not its own
            cpu = max(0.0, cpu - max(0.0, self._at - at - wall))
            self._has_passed = False

        return cpu, (_peak() if self.looks else None) or self.peak


def forget_peak() -> None:
    """Have the system forget the peak of memory of this process, if it can."""
    try:
        with open("/proc/self/clear_refs", "w", encoding="utf-8") as file:
            file.write("5")
    except OSError:
        return


def _peak() -> int | None:
    """Return the peak since it was forgotten, in bytes; None where nobody knows."""
    try:
        with open("/proc/self/status", encoding="utf-8", errors="replace") as file:
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
        with open("/proc/self/statm", encoding="utf-8") as file:
            return int(file.read().split()[0]) * resource.getpagesize()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT
