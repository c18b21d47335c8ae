"""A worker process, as its parent sees it: its files, its log, its signals."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from anyio import fail_after, to_thread

from asyncflow.executors.process.pool import Pool
from asyncflow.executors.process.stacks import STACK
from asyncflow.executors.process.worker import Worker, files, remove_files, stack_of
from asyncflow.worker import trip

pytestmark = pytest.mark.anyio


@pytest.fixture
async def worker(pool: Pool) -> Worker:
    return await pool.worker(pool.today.pin())


def test_all_files_of_a_worker_are_named_after_its_log(tmp_path: Path) -> None:
    log = str(tmp_path / "17.log")
    named = [Path(name) for name in files(log)]
    assert {one.name.partition(".")[0] for one in named} == {"17"}
    assert len({*named}) == 6

    for one in named[:-1]:
        one.touch()

    (tmp_path / "18.log").touch()
    remove_files(log)  # one of them was not there
    assert os.listdir(tmp_path) == ["18.log"]


async def test_a_worker_has_its_files_and_its_memory(worker: Worker) -> None:
    assert await to_thread.run_sync(os.path.exists, worker.spool_path)
    assert worker.returncode is None
    assert 0 <= worker.age < 60
    assert 1_000_000 < await to_thread.run_sync(worker.rss) < 1_000_000_000
    assert not await to_thread.run_sync(worker.has_started_any)


async def test_what_follows_the_last_call_is_the_rest_of_the_log(
    worker: Worker,
) -> None:
    def append(data: bytes) -> None:
        with open(worker.log_path, "ab") as file:
            file.write(data)

    assert await to_thread.run_sync(worker.rest_of_log) is None
    await to_thread.run_sync(append, b"told")
    worker.logged = 4
    await to_thread.run_sync(append, b"last words")
    rest = await to_thread.run_sync(worker.rest_of_log)
    assert rest is not None
    printed = await to_thread.run_sync(rest.read, 100)
    assert printed is not None
    assert printed.text == "last words"


async def test_a_dead_worker_has_no_memory_and_no_log(worker: Worker) -> None:
    worker.kill_group()

    with fail_after(30):
        assert await worker.process.wait() == -signal.SIGKILL
        await worker.forget()

    assert await to_thread.run_sync(worker.rss) == 0
    assert await to_thread.run_sync(worker.rest_of_log) is None
    worker.signal_group(signal.SIGTERM)  # it is gone: nothing to do
    assert not await to_thread.run_sync(os.path.exists, worker.log_path)


def test_a_stack_is_told_without_our_frames() -> None:
    frames = f'{STACK}\n  File "steps.py", line 3 in wait\n'
    ours = f'  File "{trip.__file__}", line 7 in _call\n  File "x", line 1 in y\n'
    assert stack_of(f"printed\n{frames}{ours}") == frames
    assert stack_of(f"{STACK} of an earlier job\n{frames}") == frames
    assert stack_of("printed\n") == ""
