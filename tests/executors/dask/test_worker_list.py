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
from tests.support.web import client

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


async def test_workers_of_all_hosts_tell_where_they_are() -> None:
    with dask_cluster.hosts(2) as cluster, fail_after(60):
        config = configuration(cluster.address)
        cfg = config.configure_scenario(
            "blocked",
            [
                config.configure_task(
                    f"block{number}",
                    flows.block,
                    config.configure_data_node(f"n{number}", default_data=number),
                    config.configure_data_node(f"end{number}"),
                )
                for number in range(2)
            ],
        )

        async with Orchestrator(config) as orchestrator, client(orchestrator) as pages:
            run = (await orchestrator.create_scenario(cfg)).submit()
            texts: dict[str, str] = {}

            while len(texts) < 2:
                for worker in await orchestrator.workers(stacks=True):
                    if worker.job_id and "in block" in worker.stack:
                        texts[worker.job_id] = worker.stack

            assert {*texts} == {job.id for job in run.jobs}
            page = ""

            while page.count("in block") < 2:
                page = (await pages.get("system?stacks=1")).text

            place = f"jobs/{run.jobs[0].id}?stack=1"

            while "in block" not in (await pages.get(place)).text:
                pass

            run.cancel()
            await run.wait()
