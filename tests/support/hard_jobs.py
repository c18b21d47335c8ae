"""Jobs that are hard to end. Workers import this quickly: standard library only."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

LONG = 600
"""Seconds that no test waits."""


def begin(path: str) -> None:
    """Say that a job runs, and which process group it leads."""
    Path(f"{path}.new").write_text(str(os.getpid()))
    Path(f"{path}.new").rename(path)


def sleep(path: str) -> None:
    begin(path)
    time.sleep(LONG)


def hold_gil(path: str) -> None:
    begin(path)
    ctypes.PyDLL(None).sleep(LONG)  # unlike CDLL, it keeps the lock


def match(path: str) -> None:
    begin(path)
    re.match(r"(a+)+$", "a" * 60 + "b")  # would take years


def run_sleep(path: str) -> None:
    begin(path)
    subprocess.run(["sleep", str(LONG)], check=True)


def run_stubborn_shell(path: str) -> None:
    """Run a shell that ignores SIGTERM, as its children and grandchildren do."""
    begin(path)
    child = f"sh -c 'sleep {LONG} & sleep {LONG}; sleep {LONG}'"
    command = f"trap '' TERM; {child} & {child} & while :; do sleep {LONG}; done"
    subprocess.run(["sh", "-c", command], check=True)


def fork_ten(path: str) -> None:
    for _ in range(10):
        if not os.fork():
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(LONG)
            os._exit(0)

    begin(path)
    time.sleep(LONG)


def receive(path: str) -> None:
    one, other = socket.socketpair()

    with one, other:
        begin(path)
        one.recv(1)


HARD = (
    sleep,
    hold_gil,
    match,
    run_sleep,
    run_stubborn_shell,
    fork_ten,
    receive,
)


def tidy_up(path: str) -> str:
    """Return in the time that it is given after SIGTERM."""

    def end(*_: object) -> None:
        raise InterruptedError

    signal.signal(signal.SIGTERM, end)
    begin(path)

    with suppress(InterruptedError):
        time.sleep(LONG)

    return "tidy"


def tidy_up_too_slowly(path: str) -> None:
    """Begin to end at SIGTERM, and never come to the end of it."""

    def end(*_: object) -> None:
        Path(f"{path}.asked").touch()

    signal.signal(signal.SIGTERM, end)
    begin(path)

    while True:
        time.sleep(LONG)


def exit_at_sigterm(path: str) -> None:
    """Exit by a handler that leaves a trace."""

    def end(*_: object) -> None:
        Path(f"{path}.asked").touch()
        sys.exit(0)

    signal.signal(signal.SIGTERM, end)
    begin(path)
    time.sleep(LONG)


def tokens() -> Iterator[int]:
    """Give what a worker takes its tokens from."""
    for descriptor in range(3, 32):
        with suppress(OSError):
            mode = os.fstat(descriptor).st_mode

            if stat.S_ISFIFO(mode) and not os.get_blocking(descriptor):
                yield descriptor


def take_tokens(value: object) -> object:
    for descriptor in tokens():
        with suppress(BlockingIOError):
            os.read(descriptor, 1000)

    return value


def take_tokens_and_sleep(path: str) -> None:
    take_tokens(path)
    sleep(path)


def add_tokens_and_sleep(path: str) -> None:
    for descriptor in tokens():
        os.write(descriptor, b"." * 10)

    sleep(path)


def members(group: int) -> list[int]:
    """Return the processes of a process group that are alive."""
    return [pid for pid, state, of in _processes() if of == group and state not in "ZX"]


def _processes() -> Iterator[tuple[int, str, int]]:
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError, IndexError):
            state, _parent, group = path.read_text().rpartition(")")[2].split()[:3]
            yield int(path.parent.name), state, int(group)
