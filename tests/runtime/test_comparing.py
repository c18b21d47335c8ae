"""Comparison of scenarios, on both faces."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

import asyncflow.sync as tp
from asyncflow import (
    ComparisonFailed,
    ConfigError,
    Configuration,
    Orchestrator,
    UsageError,
)
from asyncflow.stores.memory import MemoryStore

THREADS: list[str] = []


def total(*values: int) -> int:
    THREADS.append(threading.current_thread().name)
    return sum(values)


async def spread(*values: int) -> int:
    return max(values) - min(values)


def broken(*values: int) -> int:
    raise ValueError(f"{len(values)} of them")


def configured(**comparators: Any) -> Configuration:
    config = Configuration()
    rate = config.configure_data_node("rate", default_data=1)
    made = config.configure_data_node("made")
    task = config.configure_task("double", total, rate, made)
    config.configure_scenario("plan", task, comparators=comparators)
    config.configure_scenario("other", task)
    return config


@pytest.mark.anyio
async def test_comparators_are_called_with_the_values_of_each_scenario() -> None:
    config = configured(rate=[total, spread], made=total)
    config.scenarios["plan"].add_comparator(config.data_nodes["rate"], max)

    async with Orchestrator(config, MemoryStore()) as orchestrator:
        one, two, three = [
            await orchestrator.create_scenario("plan", rate=rate) for rate in (5, 2, 9)
        ]
        found = await orchestrator.compare(one, two, three, data_node="rate")
        assert found == {"rate": {"total": 16, "spread": 7, "max": 9}}
        assert THREADS.pop() != threading.main_thread().name
        swapped = {"rate": {"total": 7, "spread": 3, "max": 5}}
        node = config.data_nodes["rate"]
        assert await orchestrator.compare(two, one, data_node=node) == swapped

        with pytest.raises(ComparisonFailed, match="cannot read 'made'") as caught:
            await orchestrator.compare(one, two)

        assert caught.value.scenario_ids[0] in (one.id, two.id)
        await one.submit()
        await two.submit()
        assert (await orchestrator.compare(one, two))["made"] == {"total": 7}

        config.scenarios["plan"].add_comparator("rate", broken)

        with pytest.raises(ComparisonFailed, match="ValueError: 2 of them") as failed:
            await orchestrator.compare(one, two)

        error = failed.value
        assert (error.data_node, error.comparator) == ("rate", "broken")
        assert error.scenario_ids == (one.id, two.id)
        assert isinstance(error.__cause__, ValueError)


@pytest.mark.anyio
async def test_what_cannot_be_compared_is_refused() -> None:
    config = configured(rate=total)

    async with Orchestrator(config, MemoryStore()) as orchestrator:
        one, two = [await orchestrator.create_scenario("plan") for _ in range(2)]
        other = await orchestrator.create_scenario("other")
        compare = orchestrator.compare

        with pytest.raises(UsageError, match="at least two scenarios"):
            await compare(one)

        with pytest.raises(UsageError, match="scenarios of one config"):
            await compare(one, other)

        with pytest.raises(UsageError, match="has no comparators: give them"):
            await compare(other, other)

        with pytest.raises(UsageError, match=r"no comparator for 'made': .*rate"):
            await compare(one, two, data_node="made")

        config.scenarios["plan"].delete_comparator("rate")

        with pytest.raises(UsageError, match="has no comparators"):
            await compare(one, two)


def test_wrong_comparators_are_problems() -> None:
    config = configured(rat=total, made=["total"])
    found = [problem.message for problem in config.problems()]
    assert "'rat' is no data node" in found[0]
    assert "rate" in found[0]
    assert found[1] == "made: 'total' is no function"

    with pytest.raises(ConfigError, match="'rat' is no data node"):
        config.scenarios["other"].add_comparator("rat", total)


def test_comparators_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    config = configured(rate=[total, spread], made=total)
    config.export(file)
    assert f'rate = ["{__name__}:total", "{__name__}:spread"]' in file.read_text()

    twin = Configuration()
    twin.load(file)
    twin.export(file)
    assert twin.scenarios["plan"].comparators == {
        "rate": (total, spread),
        "made": (total,),
    }
    file.write_text(
        file.read_text().replace(f"{__name__}:spread", f"{__name__}:nothing")
    )

    with pytest.raises(ConfigError, match=r"comparators.rate.*has no 'nothing'"):
        Configuration().load(file)


def test_the_blocking_face_has_taipys_name() -> None:
    config = configured(rate=total)

    with tp.Orchestrator(config, ":memory:"):
        one, two = tp.create_scenario("plan"), tp.create_scenario("plan", rate=3)
        found = tp.compare_scenarios(one, two, data_node_config_id="rate")
        assert found == {"rate": {"total": 4}}
        assert tp.compare_scenarios(one, two) == found
