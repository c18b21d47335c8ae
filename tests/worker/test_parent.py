"""The parent's life: no worker outlives it, nor what is in the worker's group."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import anyio
import pytest
from anyio import fail_after, to_thread

from asyncflow import Orchestrator
from asyncflow.worker import parent
from tests.support.flows import configuration
from tests.support.processes import await_death, lives
from tests.support.programs import LIMIT, environment

pytestmark = pytest.mark.anyio


PROGRAM = """
import ctypes, os, subprocess, sys, time

def be_late():
    while os.getppid() == parent:
        time.sleep(0.01)

parent = os.getpid()

if "late" in sys.argv:  # a fork that has not let the workers' pipes go when we die
    os.register_at_fork(after_in_child=be_late)

from multiprocessing import get_context
import anyio
from asyncflow import Config, Orchestrator

def holds_lock():
    child = subprocess.Popen(["sleep", "600"])
    print(os.getpid(), child.pid, file=open("pids.new", "w"), flush=True)
    os.rename("pids.new", "pids")
    ctypes.PyDLL(None).sleep(600)

def sleeps():
    child = subprocess.Popen(["sleep", "600"])
    print(os.getpid(), child.pid, file=open("pids.new", "w"), flush=True)
    os.rename("pids.new", "pids")
    time.sleep(600)

def leaves():
    left = subprocess.Popen(["sleep", "600"], start_new_session=True)
    print(left.pid, file=open("left", "w"), flush=True)
    sleeps()

job = globals()[sys.argv[1]]
cfg = Config.configure_scenario("s", Config.configure_task("t", job, None, None))
Config.configure_job_executions(mode="standalone", max_nb_of_workers=1)

async def main():
    async with Orchestrator(store=":memory:") as orchestrator:
        submission = (await orchestrator.create_scenario(cfg)).submit()
        while not os.path.exists("pids"):
            await anyio.sleep(0.01)
        fork = get_context("fork").Process(target=time.sleep, args=(600,))
        fork.start()
        print(fork.pid, flush=True)
        await submission

anyio.run(main)
"""


@pytest.mark.parametrize("job", ["holds_lock", "sleeps late"])
async def test_no_worker_outlives_its_parent(job: str, tmp_path: Path) -> None:
    """Whoever has Python's lock, or forks of the parent the workers' pipes."""

    def run() -> list[int]:
        (tmp_path / "program.py").write_text(PROGRAM)
        command = [sys.executable, "program.py", *job.split()]
        env = environment(TMPDIR=str(tmp_path))

        with subprocess.Popen(
            command, cwd=tmp_path, env=env, stdout=subprocess.PIPE, text=True
        ) as program:
            assert program.stdout is not None
            fork = int(program.stdout.readline())
            program.kill()
            program.wait()
            pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
            give_up = time.monotonic() + 10

            while any(map(lives, pids)) and time.monotonic() < give_up:
                time.sleep(0.01)

            assert lives(fork)
            os.kill(fork, signal.SIGKILL)
            await_death(fork)  # it may have died before it let the parent's locks go
            return pids

    pids = await to_thread.run_sync(run)
    assert not any(map(lives, pids))


def test_a_fork_lets_the_highest_end_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """The parent may be dead by then: the ends below are what ends its workers."""
    let_go: list[int] = []
    monkeypatch.setattr(parent, "_held", {75, 11, 16, 80})
    monkeypatch.setattr(os, "close", let_go.append)
    parent._let_all_go()
    assert let_go == [80, 75, 16, 11]


async def test_the_next_one_ends_what_has_left_the_group(tmp_path: Path) -> None:
    await test_no_worker_outlives_its_parent("leaves", tmp_path)
    left = int(await anyio.Path(tmp_path / "left").read_text())
    assert lives(left)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(tmp_path))

        async with Orchestrator(configuration(), ":memory:"):
            with fail_after(LIMIT):
                await to_thread.run_sync(await_death, left, abandon_on_cancel=True)
