"""What is deleted, and what was deleted while others submit or hold it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from anyio import create_task_group, fail_after

from asyncflow import (
    Configuration,
    Frequency,
    NotFound,
    Orchestrator,
    ScenarioConfig,
    Scope,
    Submission,
    UsageError,
)
from asyncflow.runtime.deletion import Deletion
from tests.support import flows
from tests.support.flows import statuses

pytestmark = pytest.mark.anyio


@pytest.fixture
async def pair(
    config: Configuration, path: str
) -> AsyncIterator[tuple[Orchestrator, Orchestrator]]:
    """Open two orchestrators on one file."""
    async with AsyncExitStack() as stack:
        yield (
            await stack.enter_async_context(Orchestrator(config, path)),
            await stack.enter_async_context(Orchestrator(config, path)),
        )


@pytest.fixture
def cfg(config: Configuration) -> ScenarioConfig:
    source = config.configure_data_node("source", scope=Scope.GLOBAL, default_data=21)
    result = config.configure_data_node("result")
    task = config.configure_task(
        "double", flows.double, source, result, executor="thread"
    )
    return config.configure_scenario("flow", task)


@pytest.mark.smoke
@pytest.mark.parametrize("what", ["scenario", "task"])
@pytest.mark.parametrize("key", [None, "k"])
async def test_a_run_of_what_another_has_deleted_ends_with_not_found(
    cfg: ScenarioConfig,
    pair: tuple[Orchestrator, Orchestrator],
    key: str | None,
    what: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    one, other = pair
    scenario = await one.create_scenario(cfg)
    innocent = await one.create_scenario(cfg)
    entity = scenario if what == "scenario" else scenario.tasks["double"]

    with fail_after(20):
        await other.delete(scenario.id)
        run = entity.submit(idempotency_key=key)
        another = innocent.submit()

        with pytest.raises(NotFound, match=scenario.id):
            await run

        with pytest.raises(NotFound, match=scenario.id):
            await run.accepted()

        assert statuses(run.jobs) == ["CANCELED"]
        await another

        with pytest.raises(UsageError, match="was deleted"):
            scenario.plan()

        with pytest.raises(UsageError, match="was deleted"):
            entity.submit()

        with pytest.raises(NotFound):
            await one.get(run.id)

    assert [one.id for one in await other.submissions()] == [another.id]
    assert await one.store.pinned_for_ended() == []
    assert await one.store.versions(owner_id=scenario.id) == []
    assert not caplog.records


async def test_what_another_has_submitted_meanwhile_is_not_deleted(
    cfg: ScenarioConfig, pair: tuple[Orchestrator, Orchestrator]
) -> None:
    one, other = pair
    scenario = await one.create_scenario(cfg)
    assert other._session.engine is not None
    deletion = Deletion(other.store, other._session.engine.recovery)
    lost = await deletion.check(scenario.id)
    run = await scenario.submit().accepted()

    with fail_after(20):
        try:
            names = await deletion.delete(scenario.id, lost)
        except UsageError as error:
            assert run.id in str(error)  # noqa: PT017  # it may also have ended
        else:
            assert (names, await one.submissions()) == ([], [])

        await run


async def test_either_it_runs_or_it_is_deleted(
    cfg: ScenarioConfig, pair: tuple[Orchestrator, Orchestrator]
) -> None:
    one, other = pair
    ran = 0

    async def delete(scenario_id: str) -> None:
        try:
            await other.delete(scenario_id)
        except UsageError as error:
            assert "has not ended" in str(error)  # noqa: PT017  # one or the other

    async def run(submission: Submission) -> None:
        nonlocal ran

        try:
            await submission
        except NotFound as error:
            assert error.entity_id == submission.entity_id  # noqa: PT017  # likewise
        else:
            ran += 1

    with fail_after(50):
        for _ in range(40):
            scenario = await one.create_scenario(cfg)

            async with create_task_group() as group:
                group.start_soon(delete, scenario.id)
                group.start_soon(run, scenario.submit())

            if await other.store.get(scenario.id) is not None:
                await other.delete(scenario.id)

    assert await one.submissions() == []
    assert await one.store.jobs() == []
    assert len(await one.store.data_nodes()) == 1  # what they share
    assert await one.store.pinned_for_ended() == []


@pytest.mark.parametrize("size", [1, 200_000])
async def test_what_was_deleted_is_not_read_any_more(
    config: Configuration, tmp_path: Path, size: int
) -> None:
    """Neither a small value, which this process has in memory, nor a file's."""
    own = config.configure_data_node("own", default_data=b"0" * size)
    path = tmp_path / "there.json"
    there = config.configure_data_node("there", "json", default_path=path)
    shared = config.configure_data_node("shared", scope=Scope.CYCLE, default_data=1)
    cfg = config.configure_scenario("s", [], [own, there, shared], Frequency.DAILY)

    async with Orchestrator(config, ":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.there.write(1)
        await orchestrator.delete(scenario.id)

        for node in scenario.data_nodes.values():
            with pytest.raises(NotFound, match=node.id):
                await node.read()

            with pytest.raises(NotFound, match=node.id):
                await node.write(2)

        with pytest.raises(NotFound):
            await scenario.read("own", "there")

    assert path.read_text() == "1"
