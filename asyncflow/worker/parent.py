"""The parent's life: no worker outlives it, nor what is in the worker's group.

On Linux the kernel itself sees to it, so that nobody needs Python's lock, which a job may
hold for hours. The parent holds both ends of a named pipe, one for all its workers, the
other once for each; no child that it forks has them. When it is gone the first end is
closed, and what waits at the others is sent to the workers' groups: SIGKILL
(``F_SETSIG``).
Where somebody else has the ends nevertheless, the worker is killed as its parent dies
(``PR_SET_PDEATHSIG``). Elsewhere a thread of the worker watches the pipe.

A parent is the *thread* that started the worker, as the kernel sees it: that of the event
loop, which has to live as long as its workers.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import sys
import threading
from contextlib import suppress

NAME = "parent"
"""The name of the pipe, in the folder of the workers."""

MARK = "ASYNCFLOW_WORKER"
"""The environment variable that marks what a worker starts, whoever its parent is."""

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36

ROOM = 64
"""How many descriptors there may be between the ends, before the first is moved again."""

_IS_LINUX = sys.platform == "linux"

_held: set[int] = set()
"""The ends that this process has as a parent."""


def hold(folder: str) -> int:
    """Make the pipe, and hold it: workers that watch it live until it is let go."""
    path = os.path.join(folder, NAME)
    os.mkfifo(path, 0o600)
    end = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    _held.add(end)
    return end


def bind(folder: str, held: int, group: int) -> tuple[int, int]:
    """Have a group end with this process.

    :param held: what `hold` returned
    :return: what takes its place, and what has to be let go when the group is gone
    """
    if not _IS_LINUX:
        return held, -1

    path = os.path.join(folder, NAME)
    end = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)

    try:
        above = _above(held, end)
    except BaseException:
        os.close(end)
        raise

    _held.add(end)

    with suppress(OSError):  # a system that only looks like Linux
        fcntl.fcntl(end, fcntl.F_SETOWN, -group)
        fcntl.fcntl(end, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(end, fcntl.F_SETFL, os.O_NONBLOCK | os.O_ASYNC)

    return above, end


def _above(held: int, end: int) -> int:
    """Move the first end above another: the kernel closes the highest number first."""
    if held > end:
        return held

    try:
        moved = fcntl.fcntl(held, fcntl.F_DUPFD_CLOEXEC, end + ROOM)
    except OSError:  # so many are not allowed
        moved = fcntl.fcntl(held, fcntl.F_DUPFD_CLOEXEC, end + 1)

    _held.add(moved)
    let_go(held)
    return moved


def let_go(end: int) -> None:
    """Let go of an end; with the one of `hold` goes whoever still depends on it."""
    if end >= 0:
        _held.discard(end)
        os.close(end)


def _let_all_go() -> None:
    """Let go of what a fork has of its parent's."""
    for end in sorted(
        _held, reverse=True
    ):  # if the parent is dead, this ends its groups
        with suppress(OSError):
            os.close(end)

    _held.clear()


os.register_at_fork(after_in_child=_let_all_go)


def die_with(pid: int, folder: str) -> int:
    """Have this process end with its parent; return what it watches for that, or -1.

    :param pid: the process id of the parent
    :param folder: where the pipe is
    """
    end = -1

    if _IS_LINUX:
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        _prctl(PR_SET_CHILD_SUBREAPER, 1)  # so that what leaves the group can be found
    else:
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
        end = os.open(os.path.join(folder, NAME), flags)
        threading.Thread(target=_watch, args=(end,), daemon=True).start()

    if os.getppid() != pid:  # it has died meanwhile
        _kill_group()

    return end


def _prctl(option: int, value: int) -> None:
    import ctypes

    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _watch(end: int) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # for the main thread
    poll = select.poll()
    poll.register(end, 0)  # asks for nothing, so that only a hang-up wakes it
    poll.poll()
    _kill_group()


def _kill_group() -> None:
    os.killpg(os.getpgid(0), signal.SIGKILL)
