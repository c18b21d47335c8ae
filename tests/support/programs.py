"""Programs that tests run as their users would: in a process of their own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
LIMIT = 50.0
"""How long a program may take, in seconds."""


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a program that can import asyncflow."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    inherited = {**os.environ, "PYTHONPATH": path}
    del inherited["ASYNCFLOW_STORE"]  # programs use the default store, in their folder
    return {**inherited, **more}


def run(
    *arguments: str | Path,
    folder: Path,
    stdin: str = "",
    env: dict[str, str] | None = None,
) -> str:
    """Run Python with arguments; return what it printed to stdout.

    It must exit with code 0 and print nothing to stderr.
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", *map(str, arguments)],
        cwd=folder,
        env=env or environment(),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    shown = f"{done.stdout}\n--- stderr:\n{done.stderr}"
    assert done.returncode == 0, f"exit code {done.returncode}:\n{shown}"
    assert not done.stderr, shown
    return done.stdout


def killed(
    module: str,
    *arguments: str | Path,
    folder: Path,
    is_time: Callable[[], bool] = lambda: True,
    at_once: bool = True,
) -> str:
    """Kill a module's program once it has said something; return that. Blocks.

    :param is_time: tells when to kill it
    :param at_once: whether it does not die by itself
    """
    with subprocess.Popen(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stdout is not None
        line = program.stdout.readline().strip()

        while not is_time():
            time.sleep(0.002)

        if at_once:
            program.kill()
        else:
            program.wait(LIMIT)

    return line


@attrs.define
class Server:
    """A web server that runs, or has run."""

    url: str
    printed: list[str] = attrs.field(init=False, factory=list)
    """The lines of its stdout, once it has ended."""
    told: str = attrs.field(init=False, default="")
    """Its stderr, from when it had begun, once it has ended."""


@contextmanager
def server(*arguments: str | Path, folder: Path) -> Iterator[Server]:
    """Run uvicorn on a free port; afterwards stop it as Ctrl-C does."""
    command = [sys.executable, "-m", "uvicorn", "--port", "0", "--no-access-log"]
    command += map(str, arguments)

    with (
        subprocess.Popen(
            command,
            cwd=folder,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
        _killed_at_last(process),
    ):
        assert process.stderr is not None
        lines = []

        for line in process.stderr:
            lines.append(line)

            if found := re.search(r"running on (http://[\d.:]+)", line):
                break
        else:
            raise AssertionError("".join(lines))

        running = Server(found[1])

        try:
            yield running
        except BaseException:
            process.kill()
            print(*lines, process.communicate()[1], sep="")  # what the server said
            raise

        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=LIMIT)
        assert "Application shutdown complete" in err, "".join([*lines, err])
        assert process.returncode in (0, -signal.SIGINT), err
        running.printed.extend(out.splitlines())
        running.told = err


@contextmanager
def _killed_at_last(process: subprocess.Popen[str]) -> Iterator[None]:
    try:
        yield
    finally:
        process.kill()
