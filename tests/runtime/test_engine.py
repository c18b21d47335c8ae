"""The engine: which runs it takes, and which it refuses without a trace of them."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

import anyio
import pytest
from anyio import create_task_group, fail_after

from asyncflow import (
    Configuration,
    NoData,
    NotPicklable,
    Orchestrator,
    UsageError,
)
from tests.support import flows
from tests.support.flows import chain, configuration, single

pytestmark = pytest.mark.anyio


async def check_innocent(orchestrator: Orchestrator, config: Configuration) -> None:
    """See a run complete that has nothing to do with what failed."""
    given = config.configure_data_node("given", default_data=1)
    doubled = config.configure_data_node("doubled")
    task = config.configure_task("innocent", flows.double, given, doubled)
    cfg = config.configure_scenario("peaceful", task)

    with fail_after(20):
        await (await orchestrator.create_scenario(cfg)).submit()


async def test_a_refused_submit_leaves_no_handle(config: Configuration) -> None:
    source = config.configure_data_node("source")
    task = config.configure_task("work", flows.double, source, None)
    cfg = config.configure_scenario("empty", task)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        with pytest.raises(NoData) as caught:
            scenario.submit(idempotency_key="k")

        await scenario.source.write(1)

        with fail_after(20):
            await scenario.submit(idempotency_key="k")

    assert caught.tb is not None  # it keeps alive what was made


@pytest.mark.parametrize("key", [None, "k"])
@pytest.mark.parametrize("in_memory", [True, False])
async def test_properties_that_cannot_be_kept_are_refused_at_once(
    config: Configuration, tmp_path: Path, key: str | None, in_memory: bool
) -> None:
    store = ":memory:" if in_memory else tmp_path / "runs.db"

    async with Orchestrator(config, store) as orchestrator:
        scenario = await orchestrator.create_scenario(single(config, flows.double))

        with pytest.raises(NotPicklable):
            scenario.submit(idempotency_key=key, lock=threading.Lock())

        with fail_after(20):
            await scenario.submit(idempotency_key=key)


async def test_a_key_belongs_to_its_entity(
    config: Configuration, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "runs.db"

    async with Orchestrator(config, path) as orchestrator:
        first = await orchestrator.create_scenario(single(config, flows.double))
        known = await first.submit(idempotency_key="k")  # its handle is in use
        second = await orchestrator.create_scenario(single(config, flows.double))

        with pytest.raises(UsageError, match=f"a run of {first.id}, so {second.id}"):
            second.submit(idempotency_key="k")

        assert known.entity_id == first.id

    gone = first.id
    del first
    other = configuration()  # of the next release: it declares no such scenario

    async with Orchestrator(other, path) as orchestrator:
        third = await orchestrator.create_scenario(chain(other, flows.double))
        submission = third.submit(idempotency_key="k")

        with fail_after(20):
            with pytest.raises(UsageError, match=f"a run of {gone}, so {third.id}"):
                await submission

            await orchestrator.drain()

        await check_innocent(orchestrator, other)

    assert [one.message for one in caplog.records if one.levelno >= logging.ERROR] == []


async def test_what_is_deleted_cannot_be_submitted(
    config: Configuration, tmp_path: Path
) -> None:
    async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
        scenario = await orchestrator.create_scenario(chain(config, flows.double))
        await orchestrator.delete(scenario.id)

        for entity in (scenario, *scenario.tasks.values()):
            with pytest.raises(UsageError, match="was deleted"):
                entity.submit()

        await check_innocent(orchestrator, config)


async def test_nothing_is_submitted_while_it_is_deleted(
    config: Configuration, tmp_path: Path
) -> None:
    async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
        scenario = await orchestrator.create_scenario(single(config, flows.double))

        async with create_task_group() as group:
            group.start_soon(orchestrator.delete, scenario.id)
            await anyio.lowlevel.checkpoint()

            with pytest.raises(UsageError, match="was deleted"):
                scenario.submit()

        assert await orchestrator.submissions() == []


async def test_what_was_just_submitted_cannot_be_deleted(
    config: Configuration, tmp_path: Path
) -> None:
    async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
        scenario = await orchestrator.create_scenario(single(config, flows.double))
        submission = scenario.submit(idempotency_key="k")  # not claimed yet

        with pytest.raises(UsageError, match="has not ended"):
            await orchestrator.delete(scenario.id)

        with fail_after(20):
            await submission
