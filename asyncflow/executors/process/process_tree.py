"""What a kill ends: a worker's group, its descendants, and what carries its mark.

The system names the parent and the group of a process. A process may leave its group; its
parent may die, and then it is the worker's child, as long as that lives. What was started
before the worker died is known by its environment, unless that was emptied.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress

from asyncflow.worker.parent import MARK

PAUSE = 0.01
"""Between two looks whether a group is dead, in seconds, where nothing tells it."""

LOOKS = 10
"""How often it is looked for what processes start until they have stopped."""

DYING = 5.0
"""How long processes may take to die after SIGKILL, in seconds."""


CLOCK: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""That by which the system says when a process was started."""

IS_SHOWN = os.path.exists("/proc/self/stat")
"""Whether the system shows its processes."""


class Member:
    """A process, told from a later one with its id by when it was started."""

    def __init__(self, pid: int, group: int, parent: int, started: int) -> None:
        self.pid = pid
        self.group = group
        self.parent = parent
        self.started = started
        """In ticks of the system's clock."""

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it is still there."""
        with suppress(OSError):
            if _started(self.pid) == self.started:
                os.kill(self.pid, number)


def now() -> int:
    """Return how long the system runs, in the ticks of `Member.started`."""
    return int(time.clock_gettime(CLOCK) * os.sysconf("SC_CLK_TCK"))


def has_started_any(pid: int) -> bool:
    """Tell whether a worker that lives has children, or may have some. Blocks."""
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children", encoding="utf-8") as file:
                if file.read(1):
                    return True
    except OSError:
        return True

    return False


def look(pid: int, mark: str, since: int) -> list[Member]:
    """Find what a worker has started and is alive. Blocks.

    :param mark: what its environment has as `MARK`
    :param since: when it was started itself, or earlier
    """
    found: dict[int, Member] = {}
    others: list[Member] = []
    wanted = f"{MARK}={mark}".encode()

    for process in _processes():
        if process.started < since or process.pid in (pid, os.getpid()):
            continue

        if pid in (process.group, process.parent) or wanted in _environment(
            process.pid
        ):
            found[process.pid] = process
        else:
            others.append(process)

    while more := [other for other in others if other.parent in found]:
        found.update((process.pid, process) for process in more)
        others = [process for process in others if process.pid not in found]

    return list(found.values())


def bury(pid: int, mark: str, since: int, there: list[Member], until: float) -> None:
    """Wait until all that a dead worker has started is dead; kill what is left. Blocks.

    :param there: what was found last
    :param until: how long to wait before that, as `time.monotonic` has it
    """
    if not IS_SHOWN:
        bury_group(pid, until)
        return

    _await_end(there, until)
    give_up = time.monotonic() + DYING

    while there and time.monotonic() < give_up:
        there = left(pid, mark, since, there)

        for process in there:
            process.signal(signal.SIGKILL)

        _await_end(there, min(give_up, time.monotonic() + 1.0))


def left(pid: int, mark: str, since: int, known: Iterable[Member]) -> list[Member]:
    """Find what a dead worker has started and is alive. Blocks.

    :param known: what was found before
    """
    found = {process.pid: process for process in look(pid, mark, since)}
    found.update(
        (process.pid, process)
        for process in known
        if _started(process.pid) == process.started
    )
    return list(found.values())


def stopped(pid: int, mark: str, since: int, known: Iterable[Member]) -> list[Member]:
    """Stop what a worker, stopped itself, has started, and return it: none of these can
    start another. Blocks.

    :param known: what was found before
    """
    found: dict[int, Member] = {}

    for _ in range(LOOKS):
        there = left(pid, mark, since, known)
        new = [process for process in there if process.pid not in found]

        for member in new:
            found[member.pid] = member
            member.signal(signal.SIGSTOP)

        if not new:
            break

    return list(found.values())


def _await_end(members: Iterable[Member], until: float) -> None:
    """Wait until processes have ended, as long as there is time; reap our own."""
    for member in members:
        _await_exit(member, until)

        with suppress(OSError):  # nobody else waits for what has become our child
            os.waitpid(member.pid, os.WNOHANG)


def _await_exit(member: Member, until: float) -> None:
    try:
        file = os.pidfd_open(member.pid)
    except (OSError, AttributeError):
        while _started(member.pid) == member.started and time.monotonic() < until:
            time.sleep(PAUSE)

        return

    try:
        if _started(member.pid) == member.started:
            poll = select.poll()
            poll.register(file, select.POLLIN)
            poll.poll(max(0.0, until - time.monotonic()) * 1000)
    finally:
        os.close(file)


def bury_group(group: int, until: float) -> None:
    """Do it where nobody can look for processes: what has left the group is missed."""
    while _is_alive(group) and time.monotonic() < until:
        time.sleep(PAUSE)

    give_up = time.monotonic() + DYING

    while _is_alive(group) and time.monotonic() < give_up:
        with suppress(OSError):
            os.killpg(group, signal.SIGKILL)

        time.sleep(PAUSE)


def _is_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True

    return True


def _processes() -> Iterator[Member]:
    if not IS_SHOWN:
        return

    for name in os.listdir("/proc"):
        if name.isdecimal() and (process := _member(int(name))) is not None:
            yield process


def _started(pid: int) -> int | None:
    process = _member(pid)
    return None if process is None else process.started


def _member(pid: int) -> Member | None:
    """Return a process that is alive."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None

    if fields[0] in (b"Z", b"X"):
        return None

    return Member(pid, int(fields[2]), int(fields[1]), int(fields[19]))


def _environment(pid: int) -> list[bytes]:
    """Return the environment of a process as it was started; none of another user's."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read().split(b"\0")
    except OSError:
        return []
