"""Ctrl-Z: workers are stopped with their program, and go on with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from asyncflow.executors.process import suspend
from asyncflow.executors.process.worker import Worker
from tests.support.processes import await_state
from tests.support.programs import LIMIT, environment

BURNS = """
import os
import anyio
from asyncflow import Config, Orchestrator

def burn():
    with open("pids.new", "w") as file:
        file.write(str(os.getpid()))

    os.rename("pids.new", "pids")

    while not os.path.exists("go"):
        pass

cfg = Config.configure_scenario("s", Config.configure_task("burn", burn, None, None))
Config.configure_job_executions(mode="standalone", max_nb_of_workers=1)

async def main():
    async with Orchestrator(store=":memory:") as orchestrator:
        submission = (await orchestrator.create_scenario(cfg)).submit()
        await submission.wait()
        print(submission.status.value)

anyio.run(main)
"""


def test_workers_are_suspended_with_their_parent(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(BURNS)

    with subprocess.Popen(
        [sys.executable, "program.py"],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
        process_group=0,
    ) as program:
        while not (tmp_path / "pids").exists():
            time.sleep(0.01)

        worker = int((tmp_path / "pids").read_text())

        for _ in range(2):
            os.killpg(program.pid, signal.SIGTSTP)
            await_state(program.pid, "T")
            await_state(worker, "T")
            os.killpg(program.pid, signal.SIGCONT)
            await_state(program.pid, "RS")
            await_state(worker, "R")

        (tmp_path / "go").touch()
        assert program.communicate(timeout=LIMIT)[0] == "COMPLETED\n"


@pytest.fixture
def _by_default() -> Iterator[None]:
    before = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGTSTP, before)


@pytest.mark.usefixtures("_by_default")
def test_the_signal_is_handled_as_long_as_a_pool_is_open() -> None:
    one: dict[int, Worker] = {}
    other: dict[int, Worker] = {}
    suspend.join(one)
    suspend.join(other)
    assert signal.getsignal(signal.SIGTSTP) is suspend._suspend
    suspend.leave(one)
    assert signal.getsignal(signal.SIGTSTP) is suspend._suspend
    suspend.leave(other)
    assert signal.getsignal(signal.SIGTSTP) is signal.SIG_DFL
    suspend.leave(other)  # nothing to do


@pytest.mark.usefixtures("_by_default")
def test_a_handler_of_the_programs_stays() -> None:
    signal.signal(signal.SIGTSTP, signal.SIG_IGN)
    workers: dict[int, Worker] = {}
    suspend.join(workers)
    assert signal.getsignal(signal.SIGTSTP) is signal.SIG_IGN
    suspend.leave(workers)
    assert signal.getsignal(signal.SIGTSTP) is signal.SIG_IGN


@pytest.mark.usefixtures("_by_default")
def test_another_thread_sets_no_handler() -> None:
    workers: dict[int, Worker] = {}
    thread = threading.Thread(target=suspend.join, args=[workers])
    thread.start()
    thread.join()
    assert signal.getsignal(signal.SIGTSTP) is signal.SIG_DFL
    suspend.leave(workers)
