"""The slots: how many jobs run at a time, and what a change of that does."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest
from anyio import Event, fail_after, to_thread
from anyio.lowlevel import checkpoint

from asyncflow import (
    Configuration,
    NotOpen,
    Orchestrator,
    ScenarioConfig,
    Status,
    UsageError,
)
from tests.support import flows
from tests.support.flows import configuration, fan

PATIENCE = 40.0
"""How long whatever may take, in seconds."""


@attrs.define
class Gate:
    """Async jobs that wait, and how many do."""

    running: int = 0
    began: int = 0
    opened: Event = attrs.field(factory=Event)

    async def work(self, value: object) -> object:
        self.running += 1
        self.began += 1
        await self.opened.wait()
        self.running -= 1
        return value

    async def holds(self, count: int, began: int) -> None:
        """Wait until so many run, and so many have begun; no more must follow."""
        with fail_after(PATIENCE):
            while (self.running, self.began) != (count, began):
                await checkpoint()

        for _ in range(50):
            await checkpoint()

        assert (self.running, self.began) == (count, began)


def gated(config: Configuration, gate: Gate) -> ScenarioConfig:
    async def work(value: object) -> object:
        return await gate.work(value)

    return fan(config, work, 20)


@pytest.mark.anyio
async def test_more_workers_start_more_jobs_at_once() -> None:
    config = configuration(workers=2)
    gate = Gate()

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(gated(config, gate))
        submission = scenario.submit()
        await gate.holds(2, 2)
        orchestrator.max_nb_of_workers = 5
        assert orchestrator.max_nb_of_workers == 5
        await gate.holds(5, 5)
        gate.opened.set()
        await submission


@pytest.mark.anyio
async def test_fewer_workers_end_no_job() -> None:
    config = configuration(workers=5)
    gate = Gate()

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(gated(config, gate))
        submission = scenario.submit()
        await gate.holds(5, 5)
        orchestrator.max_nb_of_workers = 2
        await gate.holds(5, 5)
        first, gate.opened = gate.opened, Event()
        first.set()
        await gate.holds(2, 7)
        gate.opened.set()
        await submission

    assert submission.counts() == {Status.COMPLETED: 20}


@pytest.mark.anyio
async def test_worker_processes_go_where_there_are_fewer_seats(tmp_path: Path) -> None:
    config = configuration(workers=3)
    path = tmp_path / "go"
    where = config.configure_data_node("where", default_data=str(path))
    task = config.configure_task("wait", flows.wait_for_file, where)
    cfg = config.configure_scenario("busy", task)
    crowd = fan(config, flows.meet_three, 3)

    async with Orchestrator(config) as orchestrator:
        busy = await orchestrator.create_scenario(cfg)
        scenario = await orchestrator.create_scenario(crowd)
        await scenario.source.write(str(tmp_path))

        async def shrunk(count: int) -> None:
            with fail_after(PATIENCE):
                while orchestrator.statistics().workers > count:
                    await checkpoint()

        with fail_after(PATIENCE):
            await scenario.submit()

        assert orchestrator.statistics().workers == 3
        submission = busy.submit()
        orchestrator.max_nb_of_workers = 1
        await shrunk(1)
        assert not submission.is_finished
        await to_thread.run_sync(path.touch)

        with fail_after(PATIENCE):
            await submission

        assert submission.jobs[0].attempt == 1
        assert orchestrator.statistics().workers == 1


@pytest.mark.anyio
async def test_a_number_of_workers_that_cannot_be_is_refused() -> None:
    orchestrator = Orchestrator(configuration())

    with pytest.raises(NotOpen):
        orchestrator.max_nb_of_workers = 1

    async with orchestrator:
        for count in (0, -1, 1.5, True, 5000, None):
            with pytest.raises(ValueError, match="from 1 to 1024"):
                orchestrator.max_nb_of_workers = count  # type: ignore[assignment]  # a test

        assert orchestrator.max_nb_of_workers == 2

    async with Orchestrator(configuration("development")) as orchestrator:
        with pytest.raises(UsageError, match="in development mode"):
            orchestrator.max_nb_of_workers = 4
