"""Jobs in threads of this process: they cannot be killed."""

from __future__ import annotations

import threading
from pathlib import Path

import anyio
import pytest
from anyio import create_task_group, fail_after, to_thread

from asyncflow import Orchestrator, Status
from asyncflow.abc import (
    Returned,
)
from asyncflow.executors.thread import ThreadExecutor
from tests.support import flows
from tests.support.calls import Notes, call
from tests.support.flows import configuration, single, statuses

pytestmark = pytest.mark.anyio


async def test_a_thread_runs_to_its_end_where_it_is_killed(tmp_path: Path) -> None:
    notes = Notes()
    path = tmp_path / "go"
    one = call(flows.wait_for_file, tmp_path, str(path))

    async with ThreadExecutor(echo=False) as executor, create_task_group() as group:
        group.start_soon(executor.run, [one], notes)

        with fail_after(5):
            await notes.has_started.wait()

        executor.kill(one)
        await to_thread.run_sync(path.touch)

    assert isinstance(notes.outcomes["JOB_1"], Returned)


async def test_a_canceled_thread_runs_to_its_end() -> None:
    config = configuration()
    began, go_on = threading.Event(), threading.Event()

    def wait(value: int) -> int:
        began.set()
        go_on.wait()
        return value

    cfg = single(config, wait, executor="thread")

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = scenario.submit()
        await anyio.to_thread.run_sync(began.wait)
        submission.cancel()
        assert statuses(submission.jobs) == ["RUNNING"]
        go_on.set()
        await submission.wait()

    assert submission.jobs[0].status is Status.COMPLETED
