"""Where the Python of worker processes is."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from anyio import fail_after, to_thread

from asyncflow import Configuration, Orchestrator
from asyncflow.executors.process.pool import Pool
from asyncflow.executors.process.stacks import SILENT, _without_ours, stacks_of
from tests.support import flows

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


def test_the_end_of_an_earlier_answer_is_left_out() -> None:
    whole = 'Thread 0x1 (most recent call first):\n  File "a.py", line 1 in f'
    assert _without_ours(f'  File "b.py", line 2 in g\n\n{whole}\n') == whole
    assert _without_ours('  File "b.py", line 2 in g\n') == ""
