"""How many messages Dask carries for short jobs."""

from __future__ import annotations

import time
from typing import Any

import pytest
from anyio import fail_after, to_thread
from distributed import Client

from asyncflow import Orchestrator, Status
from asyncflow.executors.dask.executor import DaskExecutor
from tests.support.dask_cluster import configuration
from tests.support.flows import Function, double, fan

pytestmark = [pytest.mark.anyio, pytest.mark.limit(120)]


def take_5_ms(value: object) -> object:
    time.sleep(0.005)
    return value


@pytest.mark.parametrize(
    ("function", "count", "share"),
    [
        pytest.param(double, 1000, 5, id="nothing"),
        pytest.param(take_5_ms, 200, 1, id="milliseconds"),
    ],
)
async def test_short_jobs_share_messages(
    function: Function, count: int, share: int, address: str
) -> None:
    config = configuration(address)
    cfg = fan(config, function, count)

    with fail_after(90):
        async with Orchestrator(config) as orchestrator:
            scenario = await orchestrator.create_scenario(cfg)
            await scenario.submit()  # now it is known how short they are
            before = await sent(address, orchestrator)
            submission = await scenario.submit()
            after = await sent(address, orchestrator)

    assert submission.counts() == {Status.COMPLETED: count}
    assert 0 < share * (after - before) < count


async def sent(address: str, orchestrator: Orchestrator) -> int:
    """Count the messages that the program, the scheduler and the workers have sent."""
    executor = orchestrator._session._workers
    assert isinstance(executor, DaskExecutor)
    ours = executor._cluster._transport.client.scheduler_comm.message_count
    return int(ours) + await to_thread.run_sync(_sent_there, address)


def _sent_there(address: str) -> int:
    with Client(address, set_as_default=False) as client:
        by_workers = client.run(_sent_by_worker).values()
        return int(sum(by_workers) + client.run_on_scheduler(_sent_by_scheduler))


def _sent_by_worker(dask_worker: Any) -> int:
    return int(dask_worker.batched_stream.message_count)


def _sent_by_scheduler(dask_scheduler: Any) -> int:
    streams = (dask_scheduler.client_comms, dask_scheduler.stream_comms)
    return sum(one.message_count for stream in streams for one in stream.values())
