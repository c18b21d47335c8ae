"""Whole programs: their main scripts, their death, Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from asyncflow.folder import Folder
from tests.support.flows import is_alive

ROOT = Path(__file__).parents[2]

HEAD = """
import os, subprocess, sys, time
import anyio
from anyio import to_process
from asyncflow import Config, Orchestrator

print("the main script runs", flush=True)
source = Config.configure_data_node("source", default_data=1)
result = Config.configure_data_node("result")
Config.configure_job_executions("standalone", 1)
"""


@contextmanager
def program(tmp_path: Path, text: str) -> Iterator[subprocess.Popen[str]]:
    script = tmp_path / "program.py"
    script.write_text(HEAD + text)
    process = subprocess.Popen(
        [sys.executable, script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )

    with process:
        try:
            yield process
        finally:
            process.kill()


def run(tmp_path: Path, text: str) -> list[str]:
    with program(tmp_path, text) as process:
        out, err = process.communicate(timeout=50)

    assert (process.returncode, err) == (0, "")
    return out.splitlines()


DOUBLE = """
def double(x):
    return 2 * x

cfg = Config.configure_scenario(
    "s", Config.configure_task("t", double, source, result)
)
"""

BLOCKING = """
def block(_):
    child = subprocess.Popen(["sleep", "600"])
    print("pids", os.getpid(), child.pid)
    with open("pids.tmp", "w") as file:
        file.write(f"{os.getpid()} {child.pid}")
    os.rename("pids.tmp", "pids")
    while True:
        time.sleep(600)

cfg = Config.configure_scenario(
    "s", Config.configure_task("t", block, source, result)
)

async def main():
    async with Orchestrator() as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = scenario.submit()
        while not os.path.exists("pids"):
            await anyio.sleep(0.01)
        print("blocked", flush=True)
        try:
            await submission
        finally:
            print("leaving", flush=True)

anyio.run(main)
"""


def wait_until_dead(*pids: int) -> None:
    while any(is_alive(pid) for pid in pids):
        time.sleep(0.002)


def test_nothing_outlives_a_program_that_is_killed(tmp_path: Path) -> None:
    with program(tmp_path, BLOCKING) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "the main script runs\n"
        assert process.stdout.readline() == "blocked\n"
        worker, child = map(int, (tmp_path / "pids").read_text().split())
        assert is_alive(worker)
        assert is_alive(child)

        process.send_signal(signal.SIGKILL)
        process.wait()
        wait_until_dead(worker, child)

    # Its folders go when the next one makes its own.
    Folder("next").remove()


def test_ctrl_c_ends_a_program_and_its_jobs(tmp_path: Path) -> None:
    with program(tmp_path, BLOCKING) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "the main script runs\n"
        assert process.stdout.readline() == "blocked\n"
        worker, child = map(int, (tmp_path / "pids").read_text().split())

        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        wait_until_dead(worker, child)

    assert out == f"leaving\npids {worker} {child}\n"
    assert err.rstrip().endswith("KeyboardInterrupt")


def test_classes_of_main_come_back_as_themselves(tmp_path: Path) -> None:
    lines = run(
        tmp_path,
        """
class Point:
    def __init__(self, x):
        self.x = x

class Wrong(Exception):
    pass

def make(x):
    return Point(x)

def use(point):
    assert type(point) is Point
    raise Wrong(point.x)

other = Config.configure_data_node("other")
cfg = Config.configure_scenario("s", [
    Config.configure_task("make", make, source, result),
    Config.configure_task("use", use, result, other),
])

async def main():
    async with Orchestrator() as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        try:
            await scenario.submit()
        except* Exception as group:
            cause = group.exceptions[0].__cause__
            print(type(cause) is Wrong, cause)
        point = await scenario.result.read()
        print(type(point) is Point, point.x)

anyio.run(main)
""",
    )

    assert lines == ["the main script runs", "True 1", "True 1"]


def test_the_hosts_own_calls_find_the_main_script(tmp_path: Path) -> None:
    """It is run again only where a `to_process` call of the host's needs it."""
    lines = run(
        tmp_path,
        DOUBLE
        + """
async def main():
    async with Orchestrator() as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.submit()
        print(await to_process.run_sync(double, 21))
        await scenario.submit()
        print(await scenario.result.read(), __file__ == sys.argv[0])

if __name__ == "__main__":
    anyio.run(main)
""",
    )

    assert lines == ["the main script runs", "42", "2 True"]


def test_a_program_that_forgets_to_leave_ends(tmp_path: Path) -> None:
    lines = run(
        tmp_path,
        DOUBLE
        + """
async def main():
    orchestrator = await Orchestrator().__aenter__()
    scenario = await orchestrator.create_scenario(cfg)
    await scenario.submit()
    print(await scenario.result.read())

anyio.run(main)
""",
    )

    assert lines == ["the main script runs", "2"]
