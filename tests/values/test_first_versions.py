"""The first versions of shared data nodes, where two orchestrators create at once."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest
from anyio import create_task_group, fail_after, to_thread

from asyncflow import (
    Configuration,
    Frequency,
    Orchestrator,
    Scenario,
    ScenarioConfig,
    Scope,
)
from tests.support.stores import SHARED, Place
from tests.support.stores import kind as kind
from tests.support.stores import place as place
from tests.support.stores import server as server
from tests.support.stores import tables as tables

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize("kind", SHARED, indirect=True, scope="session"),
]

SIZES = (10, 100_000)
"""How long a value is that the store keeps, and one that has a file."""


class Slow:
    """Is bytes once it is pickled: when that is for a scenario, it waits for the test."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.is_created = False
        self.begun = threading.Event()
        self.go = threading.Event()

    def __reduce__(self) -> tuple[Any, ...]:
        if self.is_created:
            self.begun.set()
            self.go.wait(20)

        return bytes, (self.size,)


def declared(
    config: Configuration, scope: Scope = Scope.GLOBAL, **given: object
) -> ScenarioConfig:
    node = config.configure_data_node("shared", scope=scope, **given)  # type: ignore[arg-type]
    return config.configure_scenario("flow", [], [node], frequency=Frequency.DAILY)


def files(folder: str | None) -> list[str]:
    """Return the names of the files of values."""
    assert folder is not None
    return [name for name in os.listdir(folder) if name[0] != "."]


@pytest.mark.parametrize("scope", [Scope.GLOBAL, Scope.CYCLE])
@pytest.mark.parametrize("size", SIZES)
async def test_one_of_two_that_create_at_once_writes_default_data(
    place: Place, size: int, scope: Scope
) -> None:
    config = Configuration()
    flow = declared(config, scope, default_data=bytes(size))
    made: list[Scenario] = []

    async def create(orchestrator: Orchestrator, name: str | None) -> None:
        made.append(
            await orchestrator.create_scenario(
                flow, name=name, exist_ok=name is not None
            )
        )

    with fail_after(60):
        async with (
            Orchestrator(config, place.store()) as one,
            Orchestrator(config, place.store()) as other,
        ):
            async with create_task_group() as group:
                for orchestrator in (one, other) * 2:
                    group.start_soon(create, orchestrator, None)
                    group.start_soon(create, orchestrator, "found again")

            edits = [edit for one in made for edit in await one.shared.edits()]
            assert len({edit.version for edit in edits}) == 1
            assert len(edits) == len(made)
            folder = one.store.values_folder

            for scenario in made:
                assert await scenario.shared.read() == bytes(size)

    assert len(files(folder)) == (size > SIZES[0])


@pytest.mark.parametrize("size", SIZES)
async def test_default_data_that_comes_late_hides_nothing(
    place: Place, size: int
) -> None:
    slow = Slow(size)
    late, config = Configuration(), Configuration()
    late_flow = declared(late, default_data=slow)
    flow = declared(config)
    made: list[Scenario] = []

    with fail_after(60):
        async with (
            Orchestrator(late, place.store()) as one,
            Orchestrator(config, place.store()) as other,
        ):

            async def create() -> None:
                slow.is_created = True
                made.append(await one.create_scenario(late_flow))

            async with create_task_group() as group:
                group.start_soon(create)
                await to_thread.run_sync(slow.begun.wait, 20)
                made.append(await other.create_scenario(flow))
                await made[0].shared.write("by hand")
                slow.go.set()

            for scenario in made:
                assert await scenario.shared.read() == "by hand"
                assert len(await scenario.shared.edits()) == 1

            folder = one.store.values_folder

    assert files(folder) == []


@pytest.mark.parametrize("scope", [Scope.GLOBAL, Scope.CYCLE])
@pytest.mark.parametrize("size", SIZES)
async def test_one_of_two_that_import_at_once_writes_what_is_shared(
    place: Place, size: int, scope: Scope, tmp_path: Path
) -> None:
    archive = tmp_path / "flow.zip"
    source = Configuration()

    async with Orchestrator(source, ":memory:") as there:
        model = await there.create_scenario(declared(source, scope))
        await model.shared.write(bytes(size))
        await model.export(archive)

    config = Configuration()
    declared(config, scope, default_data="late")
    made: list[Scenario] = []

    async def take(orchestrator: Orchestrator) -> None:
        made.append(await orchestrator.import_scenario(archive))

    with fail_after(60):
        async with (
            Orchestrator(config, place.store()) as one,
            Orchestrator(config, place.store()) as other,
        ):
            async with create_task_group() as group:
                for orchestrator in (one, other) * 2:
                    group.start_soon(take, orchestrator)

            edits = [edit for one in made for edit in await one.shared.edits()]
            assert len(edits) == len(made) == 4
            folder = one.store.values_folder

            for scenario in made:
                assert await scenario.shared.read() == bytes(size)

    assert len(files(folder)) == (size > SIZES[0])


@pytest.mark.parametrize("size", SIZES)
async def test_what_was_there_goes_on(place: Place, size: int) -> None:
    """Nor is anything of it lost where the first write is that of the default data."""
    config = Configuration()
    flow = declared(config, default_data=bytes(size))

    with fail_after(60):
        async with Orchestrator(config, place.store()) as one:
            scenario = await one.create_scenario(flow)
            await scenario.shared.write("by hand")

        async with Orchestrator(config, place.store()) as other:
            again = await other.create_scenario(flow)
            assert await again.shared.read() == "by hand"
            first = (await again.shared.edits())[0]
            assert await again.shared.read(version=first.version) == bytes(size)
