"""What is assumed of anyio's pool of processes holds."""

from __future__ import annotations

import asyncio
import os
import threading

import anyio
import pytest
from anyio import to_process

from asyncflow import Configuration, Orchestrator
from asyncflow.executors.process.anyio_pool import in_thread, is_of_worker
from asyncflow.executors.process.pool import NullLimiter, Pool
from tests.support.flows import single

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


async def pids(pool: Orchestrator) -> set[int]:
    scenario = await pool.create_scenario(single(pool.config, own_pid))
    await scenario.submit()
    return {await scenario.result.read()}


def own_pid(_: object) -> int:
    return os.getpid()


def test_workers_live_on_where_the_loop_runs_one_call_after_the_other(
    config: Configuration,
) -> None:
    async def warmed() -> tuple[Orchestrator, set[int]]:
        pool = await Orchestrator(config).open()
        return pool, await pids(pool)

    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        pool, before = loop.run_until_complete(warmed())
        assert loop.run_until_complete(pids(pool)) == before
        loop.run_until_complete(pool.close())


def test_processes_of_the_hosts_own_calls_end_with_the_loop(
    config: Configuration,
) -> None:
    async def called() -> tuple[int, int]:
        async with Orchestrator(config):
            first = await to_process.run_sync(os.getpid)

        return first, await to_process.run_sync(os.getpid)

    for pid in asyncio.run(called()):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_where_no_thread_can_be_started_it_is_done_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_: object) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert await in_thread(threading.get_ident) == threading.get_ident()


async def test_else_it_is_done_in_a_thread() -> None:
    assert await in_thread(threading.get_ident) != threading.get_ident()
