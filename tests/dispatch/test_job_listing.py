"""Lists of jobs have those that are under way, too: also what the store was not told."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from anyio import fail_after

from asyncflow import JobStarted, Orchestrator, Status
from tests.support import flows
from tests.support.flows import configuration

pytestmark = pytest.mark.anyio

gate = threading.Event()


def wait(_: object) -> int:
    assert gate.wait(20)
    return 1


@pytest.mark.parametrize("place", ["file", ":memory:"])
async def test_jobs_under_way_are_listed(tmp_path: Path, place: str) -> None:
    gate.clear()
    config = configuration()
    names = [f"n{number}" for number in range(5)]
    a, *others = [config.configure_data_node(one, default_data=1) for one in names]
    tasks = [config.configure_task("first", flows.double, a, others[0])]
    tasks += [
        config.configure_task(
            f"t{at}", wait, others[at], others[at + 1], executor="thread"
        )
        for at in range(3)
    ]
    cfg = config.configure_scenario("flow", tasks)
    path = str(tmp_path / "runs.db") if place == "file" else place

    async with Orchestrator(config, path) as one:
        scenario = await one.create_scenario(cfg)
        run = scenario.submit()
        assert len(await one.jobs()) == 4

        with fail_after(20):
            async for event in run:
                if isinstance(event, JobStarted) and event.task == "t0":
                    break

        records = await one.jobs()
        found = {record.id: record.status for record in records}
        assert found == {job.id: job.status for job in run.jobs}
        assert [*found.values()] == ["COMPLETED", "RUNNING", "BLOCKED", "BLOCKED"]
        assert await one.jobs(submission_id=run.id) == records
        assert await one.jobs(status="BLOCKED") == records[2:]
        assert await one.jobs(task_id=scenario.tasks["t1"].id) == records[2:3]
        assert await one.jobs(submission_id="SUBMISSION_other") == []
        assert await one.jobs(newest_first=True) == records[::-1]

        for offset in range(6):
            for limit in (*range(6), None):
                end = None if limit is None else offset + limit
                page = {"offset": offset, "limit": limit}
                assert await one.jobs(**page) == records[offset:end]
                last = await one.jobs(newest_first=True, **page)
                assert last == records[::-1][offset:end]

        if place == "file":
            async with Orchestrator(config, path) as other:  # which runs none of it
                assert len(await other.jobs()) in (1, 2)

        gate.set()
        await run
        assert {one.status for one in await one.jobs()} == {Status.COMPLETED}
        assert len(await one.jobs()) == 4
