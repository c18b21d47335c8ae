"""Where the Python of worker processes is."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from anyio import create_task_group, fail_after, to_thread

from asyncflow import Configuration, Orchestrator
from asyncflow.abc import Killed
from asyncflow.executors.process.executor import ProcessExecutor
from asyncflow.executors.process.pool import Pool
from asyncflow.executors.process.stacks import SILENT, STACK, _without_ours, stacks_of
from tests.support import flows, hard_jobs
from tests.support.calls import Notes, call, run_all
from tests.support.counted_jobs import await_file

pytestmark = pytest.mark.anyio


@pytest.mark.smoke
async def test_a_job_goes_on_while_it_is_told_where_it_is(
    config: Configuration, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    cfg = flows.single(config, flows.wait_for_file, str(gate))

    async with Orchestrator(config, ":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = await scenario.submit().accepted()

        with fail_after(30):
            for _ in range(2):  # each tells what is so then, and no more
                stack = ""

                while "in wait_for_file" not in stack:
                    for worker in await orchestrator.workers(stacks=True):
                        stack = worker.stack if worker.job_id else stack

                assert stack.count("in wait_for_file") == 1
                assert "asyncflow/worker/trip.py" not in stack

            gate.touch()
            await submission

        assert await submission.jobs[0].output() == ""
        assert not any(worker.stack for worker in await orchestrator.workers())


async def test_who_does_not_answer_is_told_and_left_alone(pool: Pool) -> None:
    worker = await pool.worker(pool.today.pin())
    worker.process.send_signal(signal.SIGSTOP)

    try:
        stacks = await to_thread.run_sync(stacks_of, [worker])
        assert stacks == {worker.pid: SILENT}
    finally:
        worker.process.send_signal(signal.SIGCONT)

    stacks = await to_thread.run_sync(stacks_of, [worker])
    assert "most recent call first" in stacks[worker.pid]
    assert worker.returncode is None


async def test_a_job_that_takes_sigterm_tells_where_it_was(tmp_path: Path) -> None:
    notes, path = Notes(), tmp_path / "started"
    one = call(hard_jobs.tidy_up_too_slowly, tmp_path, str(path))

    async with ProcessExecutor(grace=0.1) as executor, create_task_group() as group:
        group.start_soon(run_all, executor, [one], notes)
        await to_thread.run_sync(await_file, path)
        executor.kill(one)

    killed = notes.outcomes[one.job_id]
    assert isinstance(killed, Killed)
    head, frame, *_ = killed.stack.splitlines()
    assert head == STACK
    assert frame.endswith("in tidy_up_too_slowly")
    assert "asyncflow/worker" not in killed.stack


async def test_who_is_killed_and_does_not_answer_is_told(pool: Pool) -> None:
    worker = await pool.worker(pool.today.pin())
    worker.process.send_signal(signal.SIGSTOP)
    await worker.ask_last()
    worker.process.send_signal(signal.SIGCONT)
    assert worker.last_stack == f"{STACK}\n  {SILENT}\n"


def test_the_end_of_an_earlier_answer_is_left_out() -> None:
    whole = 'Thread 0x1 (most recent call first):\n  File "a.py", line 1 in f'
    assert _without_ours(f'  File "b.py", line 2 in g\n\n{whole}\n') == whole
    assert _without_ours('  File "b.py", line 2 in g\n') == ""
