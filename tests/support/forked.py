"""Programs of Dask's that are forked: to load what they need takes a second of a core.

As a script this is the process that has loaded it, and forks them. It reads a line for
each that is to start, and one for each that it is to wait for; it ends with its input.
"""

from __future__ import annotations

import json
import os
import random
import runpy
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NoReturn

import attrs

LOADED = "distributed.cli.dask_worker", "distributed.cli.dask_scheduler"


def what_programs_begin_with() -> dict[str, str]:
    """Return what Python and Dask look at as they begin, and not later."""
    found = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(("DASK_", "PYTHON"))
    }
    return {"executable": sys.executable, **found}


@attrs.define(eq=False)
class Forked:
    """A program that was forked; it has the part of `subprocess.Popen` that tests use."""

    pid: int
    _starter: Starter
    _has_ended: bool = False

    def poll(self) -> int | None:
        """Return -1 once it has ended."""
        if not self._has_ended:
            with open(f"/proc/{self.pid}/stat", encoding="ascii") as file:
                # What was not waited for is there as long as its parent is.
                self._has_ended = file.read().rpartition(") ")[2].startswith("Z")

        return -1 if self._has_ended else None

    def kill(self) -> None:
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> int:
        self._starter.ask({"wait": self.pid})
        self._has_ended = True
        return -1


class Starter:
    """Starts programs of Dask's, until it is closed."""

    def __init__(self) -> None:
        self._begun_with = what_programs_begin_with()
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def can_start(self) -> bool:
        """Tell whether what it would start is what a program of its own would be."""
        return self._begun_with == what_programs_begin_with()

    def start(self, tool: str, *arguments: str) -> Forked:
        given = {
            "module": f"distributed.cli.{tool}",
            "arguments": arguments,
            "folder": os.getcwd(),
            "environment": dict(os.environ),
        }
        return Forked(self.ask(given), self)

    def ask(self, what: Mapping[str, object]) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(what).encode() + b"\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        with self._process:
            assert self._process.stdin is not None
            self._process.stdin.close()


def serve() -> None:
    """Start what is asked for."""
    for module in LOADED:
        __import__(module)

    for line in iter(sys.stdin.buffer.readline, b""):
        what = json.loads(line)

        if "wait" in what:
            with suppress(ChildProcessError):
                os.waitpid(what["wait"], 0)

            print(0, flush=True)
        elif pid := os.fork():
            print(pid, flush=True)
        else:
            run(what)


def run(what: dict[str, Any]) -> NoReturn:
    """Be a program."""
    silent = os.open(os.devnull, os.O_RDWR)

    for descriptor in range(3):
        os.dup2(silent, descriptor)

    os.close(silent)
    os.chdir(what["folder"])
    os.environ.clear()
    os.environ.update(what["environment"])
    sys.path[0] = what["folder"]
    sys.argv = [what["module"], *what["arguments"]]
    random.seed()
    status = 1

    try:
        del sys.modules[what["module"]]
        runpy.run_module(what["module"], run_name="__main__", alter_sys=True)
        status = 0
    finally:
        os._exit(status)


if __name__ == "__main__":
    serve()
