"""Who opens while a host is frozen is told that it waits for it."""

from __future__ import annotations

import os
import signal

import pytest
from anyio import create_task_group, fail_after, to_thread

from asyncflow import Orchestrator
from asyncflow.executors.dask import silence
from tests.support import dask_cluster, flows
from tests.support.counted_jobs import await_that
from tests.support.dask_cluster import configuration
from tests.support.flows import single

pytestmark = [pytest.mark.anyio, pytest.mark.limit(120)]


async def test_a_host_is_frozen_while_somebody_opens(
    cluster: dask_cluster.Hosts,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(silence, "PAUSE", 0.2)
    monkeypatch.setattr(silence, "PATIENCE", 1.0)
    port, frozen = next(iter(cluster.workers.items()))
    config = configuration(cluster.address)
    cfg = single(config, flows.double)

    def is_told() -> bool:
        texts = [record.getMessage() for record in caplog.records]
        return any("do not answer" in text and str(port) in text for text in texts)

    async def open_and_run() -> None:
        async with Orchestrator(config) as orchestrator:
            scenario = await orchestrator.create_scenario(cfg)
            await scenario.submit()

    os.kill(frozen.pid, signal.SIGSTOP)

    try:
        with fail_after(90):
            async with create_task_group() as group:
                group.start_soon(open_and_run)

                await to_thread.run_sync(await_that, is_told, "a line of the log")
                os.kill(frozen.pid, signal.SIGCONT)
    finally:
        os.kill(frozen.pid, signal.SIGCONT)
