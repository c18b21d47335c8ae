"""The list of worker processes on all hosts."""

from __future__ import annotations

import os
import signal

import pytest
from anyio import fail_after

from asyncflow import Orchestrator, WorkerInfo
from asyncflow.executors.dask import worker_list
from tests.support import dask_cluster, flows
from tests.support.dask_cluster import configuration
from tests.support.flows import single

pytestmark = pytest.mark.anyio


async def test_a_frozen_host_is_listed_as_silent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with dask_cluster.hosts(1) as cluster, fail_after(40):
        (host,) = cluster.workers.values()
        config = configuration(cluster.address)

        async with Orchestrator(config) as orchestrator:
            scenario = await orchestrator.create_scenario(single(config, flows.double))
            await scenario.submit()
            (before,) = await orchestrator.workers()
            monkeypatch.setattr(worker_list, "PATIENCE", 0.2)
            os.kill(host.pid, signal.SIGSTOP)

            try:
                (frozen,) = await orchestrator.workers()
            finally:
                os.kill(host.pid, signal.SIGCONT)

            monkeypatch.undo()
            (after,) = await orchestrator.workers()

    assert before.state == after.state == "idle"
    assert before.pid == after.pid
    assert frozen == WorkerInfo(before.host, host.pid, "silent", 0, None)
