"""The pool: the workers of one event loop, which the host's own calls share."""

from __future__ import annotations

import os
import pickle
import sys
from functools import partial

import pytest
from anyio import create_task_group, fail_after, to_process
from anyio.lowlevel import checkpoint

from asyncflow.executors.process.pool import NullLimiter, Pool
from asyncflow.executors.process.worker import WorkerDied
from tests.support import flows

pytestmark = pytest.mark.anyio


async def test_a_worker_answers_the_host_as_anyios_would(pool: Pool) -> None:
    """It does without anyio, which takes half of the time in which one starts."""
    worker = await pool.worker(pool.today.pin())
    call = partial(to_process.run_sync, limiter=NullLimiter(pool))
    assert await call(os.getpid) == worker.pid
    assert await call(eval, "'anyio' in __import__('sys').modules") is False

    with pytest.raises(ZeroDivisionError):
        await call(divmod, 1, 0)

    with pytest.raises((AttributeError, pickle.PicklingError)):
        await call(eval, "lambda: 0")  # what cannot be sent back

    assert len(await call(bytes, 3_000_000)) == 3_000_000
    assert await call(os.getpid) == worker.pid

    with pytest.raises(SystemExit):
        await call(sys.exit, 3)

    with fail_after(30):
        await worker.process.wait()


async def test_winding_down_ends_the_idle_workers_of_the_last_user(pool: Pool) -> None:
    worker = await pool.worker(pool.today.pin())
    other = await Pool.open()
    await other.wind_down()
    assert pool.workers.alive == 1  # it is somebody else's, too
    await other.close()
    await pool.wind_down()
    assert worker.returncode == 0
    assert not pool.workers.alive
    assert (await pool.worker(pool.today.pin())).returncode is None


async def test_closing_waits_for_what_winds_down() -> None:
    pool = await Pool.open()
    worker = await pool.worker(pool.today.pin())

    async with create_task_group() as group:
        group.start_soon(pool.wind_down)
        await checkpoint()
        await pool.close()
        assert worker.returncode == 0


async def test_a_pool_is_that_of_its_loop(pool: Pool) -> None:
    other = await Pool.open()
    assert other is pool
    await other.close()
    assert (await pool.worker(pool.today.pin())).returncode is None


async def test_a_worker_that_is_there_is_ready(pool: Pool) -> None:
    now = pool.today.pin()
    assert pool.ready(now) is None
    worker = await pool.worker(now)
    assert pool.ready(now) is worker
    assert pool.has(worker)
    await pool.workers.retire(worker)
    assert pool.ready(now) is None
    assert not pool.has(worker)


async def test_a_worker_is_told_of_the_world_once(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = await pool.worker(pool.today.pin())
    pinned = pool.today.pin()
    assert pool.told_to(worker, pinned)[0] is None  # it was started in it
    monkeypatch.setenv("OF_TODAY", "1")
    told, _ = pool.told_to(worker, pinned)
    assert told is not None
    assert pickle.loads(told)[2][b"OF_TODAY"] == b"1"
    assert pool.told_to(worker, pinned)[0] is None


async def test_who_waits_for_an_idle_worker_waits_no_longer_than_said(
    pool: Pool,
) -> None:
    with fail_after(20):
        await pool.wait_idle(0.001)

    assert not pool._waiting
    worker = await pool.worker(pool.today.pin())

    async with create_task_group() as group:
        with fail_after(20):
            group.start_soon(pool.wait_idle, 600.0)
            await checkpoint()
            await pool.call(worker, len, b"ab")


async def test_the_end_of_a_worker_ends_its_call(pool: Pool) -> None:
    worker = await pool.worker(pool.today.pin())

    with pytest.raises(WorkerDied) as found:
        await pool.call(worker, flows.kill_self, b"")

    assert found.value.returncode == -9
    assert not pool.has(worker)
    await worker.forget()
