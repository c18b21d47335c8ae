"""Functions that are called with events."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

import pytest
from anyio import Event as Signal
from anyio import fail_after

import asyncflow.sync as tp
from asyncflow import (
    EntityCreated,
    EntityEvent,
    EntityUpdated,
    Event,
    JobFinished,
    Orchestrator,
    SubmissionFinished,
    SubmissionStarted,
)
from tests.support import flows
from tests.support.flows import configuration, single

pytestmark = [pytest.mark.anyio, pytest.mark.blocking_jobs]


async def test_a_function_is_called_with_each_event_of_its_kinds() -> None:
    config = configuration("development")
    cfg = single(config, flows.double, 5)
    told: list[str] = []
    threads: set[int] = set()

    def plain(event: Event) -> None:
        threads.add(threading.get_ident())
        told.append(type(event).__name__)

    async with Orchestrator(config, ":memory:") as orchestrator:
        orchestrator.on(plain, SubmissionStarted, SubmissionFinished)
        scenario = await orchestrator.create_scenario(cfg)

        for _ in range(2):
            await scenario.submit()

    assert told == ["SubmissionStarted", "SubmissionFinished"] * 2
    assert threading.get_ident() not in threads


async def test_an_async_function_is_called_and_what_is_ended_is_not() -> None:
    config = configuration("development")
    cfg = single(config, flows.double, 5)
    told: list[str] = []
    come = Signal()

    async def notify(event: JobFinished) -> None:
        told.append(event.task)
        come.set()

    async with Orchestrator(config, ":memory:") as orchestrator:
        end = orchestrator.on(notify, JobFinished)
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.submit()

        with fail_after(20):
            await come.wait()

        end()
        end()  # it has ended
        await scenario.submit(force=True)

    assert told == ["work"]


async def test_events_of_entities_come_also_of_other_processes(tmp_path: Path) -> None:
    config = configuration("development")
    cfg = single(config, flows.double, 5)
    path = tmp_path / "runs.db"
    told: list[EntityEvent] = []
    come = Signal()

    async def notify(event: EntityEvent) -> None:
        told.append(event)

        if isinstance(event, EntityUpdated):
            come.set()

    async with Orchestrator(config, path) as here, Orchestrator(config, path) as there:
        here.on(notify, EntityCreated, EntityUpdated)
        scenario = await here.create_scenario(cfg)

        with fail_after(30):
            while not come.is_set():  # the other is heard from soon on
                await (await there.get_scenario(scenario.id)).update(name="new")

                if not come.is_set():
                    await here.flush()

    kinds = {(type(event), event.entity_type) for event in told}
    assert (EntityCreated, "SCENARIO") in kinds
    assert (EntityUpdated, "SCENARIO") in kinds


async def test_what_a_function_raises_is_logged_and_harms_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    config = configuration("development")
    cfg = single(config, flows.double, 5)
    told: list[str] = []

    def fail(event: SubmissionFinished) -> None:
        told.append(event.submission_id)
        raise ValueError("no mail server")

    async with Orchestrator(config, ":memory:") as orchestrator:
        orchestrator.on(fail, SubmissionFinished)
        scenario = await orchestrator.create_scenario(cfg)
        ids = [(await scenario.submit(force=True)).id for _ in range(2)]

    assert told == ids
    texts = [one.getMessage() for one in caplog.records if one.levelno == logging.ERROR]
    assert len(texts) == 2
    assert "failed for SubmissionFinished(" in texts[0]


async def test_what_cannot_be_called_or_is_no_event_is_refused() -> None:
    config = configuration("development")

    async with Orchestrator(config, ":memory:") as orchestrator:
        with pytest.raises(TypeError, match="is a function; got 7"):
            orchestrator.on(7, JobFinished)  # type: ignore[arg-type]

        with pytest.raises(TypeError, match="int is no class of events"):
            orchestrator.on(print, int)  # type: ignore[type-var]

        with pytest.raises(TypeError, match="'JobFinished' is no class of events"):
            orchestrator.on(print, "JobFinished")  # type: ignore[arg-type]


def test_the_blocking_face_has_it() -> None:
    config = configuration("development")
    cfg = single(config, flows.double, 5)
    told: list[object] = []

    with tp.Orchestrator(config, ":memory:") as orchestrator:

        def notify(event: SubmissionFinished) -> None:
            told.append(orchestrator.get(event.submission_id).id)  # any verb

        end = orchestrator.on(notify, SubmissionFinished)
        scenario = orchestrator.create_scenario(cfg)
        first = scenario.submit()

    assert told == [first.id]
    assert callable(end)
