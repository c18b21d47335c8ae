"""A request: calls on their way through a worker, and what becomes of each."""

from __future__ import annotations

from pathlib import Path

import pytest
from anyio import create_task_group, fail_after, to_thread
from anyio.lowlevel import checkpoint

from asyncflow.abc import Crashed, Killed, Returned
from asyncflow.executors.process.executor import ProcessExecutor
from tests.entities.test_submission import started
from tests.support import flows
from tests.support.calls import Notes, call, outcome_of, run_all


@pytest.mark.anyio
async def test_what_waits_behind_a_slow_call_is_returned(tmp_path: Path) -> None:
    notes = Notes()
    path = tmp_path / "go"
    calls = [
        call(flows.wait_for_file, tmp_path, str(path), job_id="JOB_0"),
        call(flows.double, tmp_path, job_id="JOB_1"),
        call(flows.double, tmp_path, job_id="JOB_2"),
    ]

    async with ProcessExecutor() as executor, create_task_group() as group:
        group.start_soon(executor.run, calls, notes)

        with fail_after(30):
            while not notes.of("returned"):
                await checkpoint()

        assert notes.told[0] == ("started", "JOB_0")
        assert notes.of("returned") == ["JOB_1", "JOB_2"]
        await to_thread.run_sync(path.touch)

    assert notes.of("ended") == ["JOB_0"]


@pytest.mark.anyio
async def test_a_kill_ends_its_own_call_alone(tmp_path: Path) -> None:
    notes = Notes()
    path = tmp_path / "started"
    calls = [
        call(flows.double, tmp_path, job_id="JOB_0"),
        call(flows.touch_and_block, tmp_path, str(path), job_id="JOB_1"),
        call(flows.double, tmp_path, job_id="JOB_2"),
    ]

    async with ProcessExecutor(grace=0.2) as executor:
        async with create_task_group() as group:
            group.start_soon(run_all, executor, calls, notes)
            child = await started(path)
            executor.kill(calls[1])

        assert not flows.is_alive(child)
        executor.kill(calls[1])  # it is over: nobody else is hit
        again = await outcome_of(executor, call(flows.double, tmp_path))

    killed = notes.outcomes["JOB_1"]
    assert isinstance(notes.outcomes["JOB_0"], Returned)
    assert isinstance(killed, Killed)
    assert "in touch_and_block" in killed.stack
    assert isinstance(notes.outcomes["JOB_2"], Returned)
    assert isinstance(again, Returned)


@pytest.mark.anyio
async def test_a_killed_call_leaves_nothing(tmp_path: Path) -> None:
    notes = Notes()
    path = tmp_path / "started"
    one = call(flows.touch_and_block, tmp_path, str(path))
    (tmp_path / "1.value").write_text("half a value")  # a test

    async with ProcessExecutor(grace=0.2) as executor:
        async with create_task_group() as group:
            group.start_soon(executor.run, [one], notes)
            child = await started(path)
            group.cancel_scope.cancel()

        assert not flows.is_alive(child)
        assert isinstance(
            await outcome_of(executor, call(flows.exit_hard, tmp_path)), Crashed
        )

    assert [type(outcome) for outcome in notes.outcomes.values()] == [Killed]
    assert await to_thread.run_sync(lambda: [p.name for p in tmp_path.iterdir()]) == [
        "started"
    ]
