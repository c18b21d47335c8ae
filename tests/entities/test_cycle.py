"""Cycles, as users hold them."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from anyio import create_task_group, fail_after

import asyncflow.sync as tp
from asyncflow import (
    Configuration,
    EntityUpdated,
    Frequency,
    Orchestrator,
    ScenarioConfig,
)
from tests.support.stores import SHARED, Place
from tests.support.stores import kind as kind
from tests.support.stores import place as place
from tests.support.stores import server as server
from tests.support.stores import tables as tables


def declared(config: Configuration) -> ScenarioConfig:
    return config.configure_scenario("flow", [], frequency=Frequency.MONTHLY)


@pytest.mark.anyio
@pytest.mark.parametrize("kind", SHARED, indirect=True, scope="session")
async def test_its_properties_are_changed_by_several(place: Place) -> None:
    config = Configuration()
    flow = declared(config)

    with fail_after(40):
        async with (
            Orchestrator(config, place.store()) as one,
            Orchestrator(config, place.store()) as other,
            other.events(EntityUpdated) as events,
        ):
            cycle = (await one.create_scenario(flow)).cycle
            assert cycle is not None
            assert cycle.properties == {}
            seen = await other.get_cycle(cycle.id)
            await cycle.update(properties={"a": 1, "gone": 2})

            async for event in events:
                if (event.entity_id, event.attributes) == (cycle.id, ("properties",)):
                    break

            async with create_task_group() as group:
                for number in range(5):
                    for handle, name in ((cycle, "x"), (seen, "y")):
                        given = {f"{name}{number}": [None, number]}
                        group.start_soon(partial(handle.update, properties=given))

            await seen.update(without=["gone", "never"])
            assert len(seen.properties) == 11
            assert seen.properties["x4"] == [None, 4]
            (record,) = await one.cycles()
            assert record.as_dict()["properties"] == seen.properties

            with pytest.raises(TypeError, match="'c' of a cycle is a value of JSON"):
                await cycle.update(properties={"c": cycle})

            await other.create_scenario(flow)  # of the same cycle
            assert (await one.get_cycle(cycle.id)).properties == seen.properties


@pytest.mark.anyio
@pytest.mark.parametrize("kind", SHARED, indirect=True, scope="session")
async def test_it_is_given_a_name(place: Place) -> None:
    config = Configuration()
    flow = declared(config)

    with fail_after(40):
        async with (
            Orchestrator(config, place.store()) as one,
            Orchestrator(config, place.store()) as other,
            other.events(EntityUpdated) as events,
        ):
            cycle = (await one.create_scenario(flow)).cycle
            assert cycle is not None
            seen = await other.get_cycle(cycle.id)

            async with create_task_group() as group:
                group.start_soon(partial(cycle.update, name="stocktaking"))
                group.start_soon(partial(seen.update, properties={"a": 1}))

            assert cycle.name == "stocktaking"
            assert (await other.get_cycle(cycle.id)).name == "stocktaking"
            assert seen.properties == {"a": 1}
            named = (cycle.id, ("name",))

            async for event in events:
                if (event.entity_id, event.attributes) == named:
                    break

            again = (await other.create_scenario(flow)).cycle
            assert again is seen
            assert again.name == "stocktaking"

            with pytest.raises(TypeError, match="the name of a cycle is a text; got 5"):
                await cycle.update(name=5)  # type: ignore[arg-type]

            with pytest.raises(
                AttributeError, match=r"await cycle\.update\(name=\.\.\.\)"
            ):
                cycle.name = "other"  # type: ignore[misc]


def test_the_blocking_face_sets_them(tmp_path: Path) -> None:
    config = Configuration()
    flow = declared(config)
    store = tmp_path / "runs.db"

    with tp.Orchestrator(config, store) as orchestrator:
        cycle = orchestrator.create_scenario(flow).cycle
        assert cycle is not None
        cycle.properties["label"] = "first"
        cycle.properties["unit"] = "kg"
        del cycle.properties["unit"]
        assert dict(cycle.properties) == {"label": "first"}
        assert cycle.get_simple_label() == "first"
        cycle.name = "January"
        assert orchestrator.get_cycle(cycle.id).name == "January"

        with pytest.raises(
            AttributeError, match="'frequency' of a Cycle cannot be set"
        ):
            setattr(cycle, "frequency", "DAILY")  # noqa: B010  # no type has it

    with tp.Orchestrator(config, store) as orchestrator:
        assert orchestrator.get_cycle(cycle.id).properties == {"label": "first"}
        assert [one.name for one in tp.get_cycles()] == ["January"]
