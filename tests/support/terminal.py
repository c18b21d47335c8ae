"""Programs in a terminal of their own, where Ctrl-C can be pressed."""

from __future__ import annotations

import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import attrs

from tests.support.programs import LIMIT, environment

PLAIN = {"PYTHON_COLORS": "0", "COLUMNS": ""}
"""Tracebacks without colours; and the terminal itself says how wide it is."""

LAUNCH = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""
"""Makes the terminal the one that Ctrl-C reaches the program from."""


@attrs.define(eq=False)
class Terminal:
    """A program, and what the user sees of it and does with it."""

    process: subprocess.Popen[bytes]
    master: int
    text: str = attrs.field(init=False, default="")
    """What was shown so far."""

    def until(self, pattern: str) -> re.Match[str]:
        """Wait until something is shown; return it."""
        give_up = time.monotonic() + LIMIT

        while not (found := re.search(pattern, self.text)):
            assert time.monotonic() < give_up, self.text
            assert self._read(), f"no {pattern!r} in:\n{self.text}"

        return found

    def press_ctrl_c(self) -> None:
        os.write(self.master, b"\x03")

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self.master, text.encode())

    def resize(self, columns: int) -> None:
        """Make it wider or narrower; the program is told."""
        size = struct.pack("HHHH", 24, columns, 0, 0)
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, size)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the program alone."""
        self.process.send_signal(number)

    def ended(self) -> int:
        """Wait for the end of the program and of all that it started.

        :return: its exit code
        """
        while self._read():
            pass

        code = self.process.wait(LIMIT)
        give_up = time.monotonic() + LIMIT

        while left := session(self.process.pid):
            assert time.monotonic() < give_up, left

        return code

    def _read(self) -> bool:
        """Take what is shown; tell whether more can come."""
        if not select.select([self.master], [], [], 1.0)[0]:
            return True

        try:
            data = os.read(self.master, 65536)
        except OSError:  # nobody has the terminal open any more
            return False

        self.text += data.decode().replace("\r\n", "\n")
        return bool(data)


@contextmanager
def terminal(*arguments: str | Path, folder: Path, **env: str) -> Iterator[Terminal]:
    """Run Python with arguments in a terminal; what is left of it is killed."""
    master, slave = os.openpty()

    try:
        process = subprocess.Popen(
            [sys.executable, "-c", LAUNCH, *map(str, arguments)],
            cwd=folder,
            env=environment(**{**PLAIN, **env}),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
    finally:
        os.close(slave)

    try:
        with process:
            try:
                yield Terminal(process, master)
            finally:
                process.kill()
    finally:
        os.close(master)

        for pid in session(process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def session(leader: int) -> list[int]:
    """Return the processes of a session that are alive."""
    found = []

    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, _, sid = path.read_text().rpartition(")")[2].split()[:4]

            if int(sid) == leader and state not in "ZX":
                found.append(int(path.parent.name))

    return found
