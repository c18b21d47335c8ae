"""The worker processes of a pool: how they start, are watched, and end."""

from __future__ import annotations

import signal

import pytest
from anyio import create_task_group, fail_after
from anyio.lowlevel import checkpoint

from asyncflow.executors.process.pool import Pool

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("steps", range(16))
async def test_a_start_that_is_cancelled_leaves_no_process(
    pool: Pool, steps: int
) -> None:
    """Whenever it is, also while the system makes the process."""
    async with create_task_group() as group:
        group.start_soon(pool.warm)

        for _ in range(steps):
            await checkpoint()

        group.cancel_scope.cancel()

    assert not pool.workers.alive


async def test_the_end_of_an_idle_worker_is_noticed(pool: Pool) -> None:
    worker = await pool.worker(pool.today.pin())
    workers = pool.workers
    worker.signal_group(signal.SIGKILL)

    with fail_after(20):
        while workers.by_pid:
            await checkpoint()

    assert not workers.alive
    assert (await pool.worker(pool.today.pin())).returncode is None


async def test_one_that_is_killed_is_gone_with_what_is_open_of_it(pool: Pool) -> None:
    worker = await pool.worker(pool.today.pin())
    await pool.workers.kill(worker)
    assert worker.returncode == -signal.SIGKILL
    assert not pool.has(worker)
    await worker.forget()


async def test_those_that_start_later_have_their_files_in_the_same_folder(
    pool: Pool,
) -> None:
    first = await pool.worker(pool.today.pin())
    folder = await pool.workers.folder()
    assert first.place is folder
    assert first.log_path.startswith(folder.path)
