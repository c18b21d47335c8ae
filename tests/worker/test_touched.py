"""Calls of what changes a thing that a process has one of are counted."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import os, pickle, posix, signal
from asyncflow.worker import touched

before = os.umask(0o022)
touched.watch()
touched.watch()
assert touched.calls == 0
os.chdir(path="/")
assert os.getcwd() == "/"
assert touched.calls == 1
here = os.open("/", os.O_RDONLY)
assert os.chdir in os.supports_fd
posix.chdir(here)
os.fchdir(here)
assert touched.calls == 3
os.umask(before)
signal.alarm(0)
signal.setitimer(signal.ITIMER_REAL, 0)
assert touched.calls == 6
assert pickle.loads(pickle.dumps(os.chdir)) is os.chdir
assert os.chdir.__name__ == "chdir"

try:
    os.chdir("/there/is/no/such/folder")
except FileNotFoundError:
    print("done", touched.calls)
"""


def test_calls_are_counted_and_do_what_they_did() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False
    )
    assert done.stdout == "done 7\n", done.stderr
