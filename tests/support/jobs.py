"""What jobs of tests do.

Workers import this module several thousand times: it has the standard library alone.
"""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress


def double(value: int) -> int:
    return value * 2


def fail(value: object) -> None:
    raise ValueError(f"no {value}")


class TwoArguments(Exception):
    """Does not survive pickling: it builds its message from other arguments."""

    def __init__(self, one: object, other: object) -> None:
        super().__init__(f"{one} and {other}")


class Locked(Exception):
    """Cannot be pickled at all."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.lock = threading.Lock()


def raise_two_arguments(_: object) -> None:
    raise TwoArguments(1, 2)


def raise_locked(_: object) -> None:
    raise Locked("locked")


def print_much(_: object) -> int:
    print("x" * 5_000_000)
    return 1


def print_in_child(_: object) -> int:
    return subprocess.run(["echo", "from a child"], check=True).returncode


def read_stdin(_: object) -> str:
    return sys.stdin.read()


def write_from_c(_: object) -> int:
    library = ctypes.CDLL(None)
    library.puts(b"stdout of C")
    return int(library.write(2, b"stderr of C\n", 12))


def return_lock(_: object) -> object:
    return {"parts": [1, threading.Lock()]}


def exit_python(_: object) -> None:
    sys.exit(4)


def interrupt(_: object) -> None:
    raise KeyboardInterrupt


def exit_hard(_: object) -> None:
    print("last words", flush=True)
    os._exit(3)


def kill_self(_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def fork_and_return(_: object) -> int:
    child = os.fork()

    if not child:
        return -1

    os.waitpid(child, 0)
    return 7


def fork_and_raise(_: object) -> int:
    child = os.fork()

    if not child:
        raise ValueError("in the child")

    os.waitpid(child, 0)
    return 7


def close_streams(_: object) -> int:
    sys.stdout.close()
    os.closerange(0, 3)
    return 1


def change_directory(_: object) -> str:
    before = os.getcwd()
    os.chdir("/")
    return before


def touch_and_block(path: str) -> None:
    """Say that it runs, then never end; with a child process that ignores SIGTERM."""
    command = 'trap \'\' TERM; echo $$ > "$0.child"; mv "$0.child" "$0"; while :; do sleep 600; done'
    subprocess.run(["sh", "-c", command, path], check=False)


def block(_: object) -> None:
    threading.Event().wait()


def collects_garbage(_: object) -> bool:
    return gc.isenabled()


def pid(_: object) -> int:
    return os.getpid()


def worker_pids(_: object) -> tuple[int, int]:
    return os.getpid(), os.getpgid(0)


def open_orchestrator(_: object) -> None:
    import anyio

    from asyncflow import Orchestrator

    async def main() -> None:
        async with Orchestrator():
            pass

    anyio.run(main)


def three_values(_: object) -> tuple[int, int, int]:
    return 1, 2, 3


def is_alive(process: int) -> bool:
    """Tell whether a process runs; a zombie does not."""
    with suppress(OSError), open(f"/proc/{process}/stat") as file:
        return file.read().rpartition(")")[2].split()[0] != "Z"

    return False


def add_and_read(value: int) -> int:
    return value + 1


def increment() -> int:
    return 1


def add(one: int, other: int) -> int:
    return one + other


def thousand() -> list[int]:
    return [1] * 1000


def large() -> bytes:
    return bytes(1_000_000)


def identity(value: object) -> object:
    return value


def wait_for_file(path: str) -> int:
    while not os.path.exists(path):
        time.sleep(0.002)

    return os.getpid()


def meet_three(folder: str) -> int:
    """Return when three of these run at once, each in a process of its own."""
    open(os.path.join(folder, f"here{os.getpid()}"), "w").close()

    while sum(name.startswith("here") for name in os.listdir(folder)) < 3:
        time.sleep(0.002)

    return os.getpid()
