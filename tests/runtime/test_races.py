"""What happens at an awkward moment to a whole run, or a worker: it went wrong once."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from anyio import create_task_group, fail_after
from anyio.lowlevel import checkpoint

from asyncflow import (
    Orchestrator,
    StoreFailed,
    Submission,
)
from asyncflow.executors.process.executor import ProcessExecutor
from tests.support import flows
from tests.support.flows import configuration, statuses
from tests.support.machine import MortalStore
from tests.support.waiting import touch, waiters

pytestmark = pytest.mark.anyio


async def test_a_job_is_cancelled_before_its_run_is_saved(tmp_path: Path) -> None:
    config = configuration()
    source = config.configure_data_node("source", default_data=str(tmp_path / "ran"))
    result = config.configure_data_node("result")
    tasks = [
        config.configure_task("first", touch, source, result),
        config.configure_task("then", flows.identity, result),
    ]
    cfg = config.configure_scenario("two", tasks)

    async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = scenario.submit(idempotency_key="one")
        assert orchestrator.cancel(submission.jobs[0], reason="not this one")

        with fail_after(20):
            await submission.wait()

        assert statuses(submission.jobs) == ["CANCELED", "ABANDONED"]
        assert submission.jobs[0].reason == "not this one"

    assert not (tmp_path / "ran").exists()


async def test_what_is_run_again_by_hand_goes_on_after_a_crash(tmp_path: Path) -> None:
    config = configuration()
    cfg = waiters(config, tmp_path, 2)
    hard = tmp_path / "t1"
    hard.with_suffix(".bad").touch()
    store = MortalStore(tmp_path / "runs.db")

    with suppress(StoreFailed):
        async with Orchestrator(config, store) as orchestrator:
            scenario = await orchestrator.create_scenario(cfg)
            submission = await scenario.submit().wait()
            assert statuses(submission.jobs) == ["COMPLETED", "FAILED"]
            hard.with_suffix(".bad").unlink()
            hard.unlink()
            again = submission.retry_failed()
            await again.accepted()
            store.is_dead = True

    hard.touch()

    async with Orchestrator(config, tmp_path / "runs.db") as heir:
        found = await heir.get(again.id)
        assert isinstance(found, Submission)

        with fail_after(20):
            await found

        assert [job.task.config_id for job in found.jobs] == ["t1"]
        assert await heir.submissions(is_finished=False) == []


async def test_a_worker_is_made_safe_once() -> None:
    async with ProcessExecutor() as executor, create_task_group() as group:
        pool = executor._pool

        with fail_after(30):
            group.start_soon(pool.worker, pool.today.pin())

            while pool.next_idle() is None:
                await checkpoint()

            (first,) = pool.workers.by_pid.values()
            assert await pool.worker(pool.today.pin()) is first
