"""What is assumed of anyio's pool of processes holds."""

from __future__ import annotations

import os

import anyio
import pytest
from anyio import to_process

from asyncflow.executors.process.anyio_pool import is_of_worker
from asyncflow.executors.process.pool import NullLimiter, Pool

pytestmark = pytest.mark.anyio


async def test_what_is_assumed_of_anyios_pool(pool: Pool) -> None:
    """anyio takes the idle process used last, at once after it entered the limiter."""
    limiters = [NullLimiter(pool) for _ in range(3)]
    pids = [
        await to_process.run_sync(os.getpid, limiter=limiters[0]),
        await to_process.run_sync(os.getpid, limiter=limiters[1]),
    ]

    assert limiters[0].process is None
    assert limiters[1].process is not None
    assert pids == [limiters[1].process.pid] * 2

    worker = await pool.worker(pool.today.pin())
    assert worker.pid == pids[0]
    assert isinstance(limiters[2], anyio.CapacityLimiter)
    assert to_process._process_pool_workers.get() == {worker.process}
    assert [entry[0] for entry in to_process._process_pool_idle_workers.get()] == [
        worker.process
    ]


def leave(kind: type[BaseException]) -> None:
    raise kind("of the worker")


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, ValueError])
async def test_what_is_assumed_of_what_anyio_raises(
    pool: Pool, kind: type[BaseException]
) -> None:
    with pytest.raises(kind) as found:
        await to_process.run_sync(leave, kind, limiter=NullLimiter(pool))

    assert is_of_worker(found.value)
    found.value.__traceback__ = None
    assert not is_of_worker(found.value)
