"""What blocking handles have that can be set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest

import asyncflow.sync as tp
from asyncflow import Configuration, EntityUpdated, Frequency
from asyncflow.sync.changes import merged
from tests.support.flows import double, single
from tests.support.sync import orchestrator as orchestrator

pytestmark = pytest.mark.usefixtures("orchestrator")


def test_attributes_are_set(config: Configuration) -> None:
    scenario = tp.create_scenario(single(config, double, 5), name="old", a=1, b=2)
    scenario.name = "new"
    scenario.properties["a"] = 3
    del scenario.properties["b"]
    scenario.properties.update({"c": 4}, d=5)
    scenario.tags = ["x"]
    tp.tag(scenario, "y")
    tp.untag(scenario, "x")
    scenario.source.name = "source"
    scenario.source.validity_period = timedelta(days=1)

    found = tp.get(scenario.id)
    assert isinstance(found, tp.Scenario)
    assert (found.name, sorted(found.tags)) == ("new", ["y"])
    assert found.has_tag("y")
    assert found.properties == {"a": 3, "c": 4, "d": 5}
    assert dict(found.properties) == {"a": 3, "c": 4, "d": 5}
    assert found.source.name == "source"
    assert found.source.validity_period == timedelta(days=1)

    with pytest.raises(KeyError):
        del scenario.properties["unknown"]

    with pytest.raises(AttributeError, match=r"'creation_date'.*cannot be set"):
        setattr(scenario, "creation_date", None)  # noqa: B010  # no type has it

    with pytest.raises(AttributeError, match=r"'path'|`scenario\.source\.write"):
        setattr(scenario.source, "value", 1)  # noqa: B010  # no type has it


@pytest.mark.parametrize(
    ("part", "name"),
    [
        (lambda scenario: scenario, "config_id"),
        (lambda scenario: scenario.all, "name"),
        (lambda scenario: scenario.submit(), "status"),
    ],
)
def test_what_cannot_be_set_says_so(
    config: Configuration,
    orchestrator: tp.Orchestrator,  # it runs
    part: Callable[[Any], Any],
    name: str,
) -> None:
    scenario = tp.create_scenario(single(config, double, 5))
    scenario.add_sequence("all", [*scenario.tasks])
    handle = part(scenario)

    with pytest.raises(AttributeError, match=rf"'{name}' of .* cannot be set"):
        setattr(handle, name, None)

    assert getattr(handle, name) is not None


def test_a_block_makes_one_change(
    config: Configuration, orchestrator: tp.Orchestrator
) -> None:
    scenario = tp.create_scenario(single(config, double, 5), a=1, b=2)

    with orchestrator.events(EntityUpdated) as events:
        with scenario as s:
            s.name = "new"
            s.properties["a"] = 3
            del s.properties["b"]
            s.add_tag("x")
            s.add_tag("y")
            s.remove_tag("x")
            assert (s.name, sorted(s.tags), dict(s.properties)) == (
                "new",
                ["y"],
                {"a": 3},
            )
            assert s.has_tag("y")
            assert (scenario.name, sorted(scenario.tags)) == (None, [])

        assert (scenario.name, sorted(scenario.tags)) == ("new", ["y"])
        assert scenario.properties == {"a": 3}
        scenario.name = "newer"
        told = [next(events) for _ in range(2)]

    assert [event.attributes for event in told] == [
        ("name", "properties", "tags"),
        ("name",),
    ]


def test_a_block_that_fails_changes_nothing(config: Configuration) -> None:
    scenario = tp.create_scenario(single(config, double, 5))

    def fail() -> None:
        with scenario as s:
            s.name = "new"
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    with scenario:
        pass

    assert scenario.name is None


@pytest.mark.parametrize(
    ("first", "second", "both"),
    [
        ({"name": "a"}, {"name": "b"}, {"name": "b"}),
        (
            {"properties": {"a": 1}},
            {"without": ["a"]},
            {"properties": {}, "without": {"a"}},
        ),
        ({"without": ["a"]}, {"properties": {"a": 1}}, {"properties": {"a": 1}}),
        ({"tags": ["a"]}, {"tags": []}, {"tags": []}),
    ],
)
def test_the_later_change_counts(
    first: Mapping[str, Any], second: Mapping[str, Any], both: Mapping[str, Any]
) -> None:
    changes: dict[str, Any] = {}
    merged(changes, first)
    merged(changes, second)
    assert changes == {"properties": {}, "without": set(), **both}


def test_a_data_node_and_a_cycle_are_taken_by_with(config: Configuration) -> None:
    """As Taipy's are; what is set is kept as it is set."""
    source = config.configure_data_node("source", default_data=1)
    cfg = config.configure_scenario("s", [], [source], Frequency.DAILY)
    scenario: Any = tp.create_scenario(cfg)

    with scenario.source as node, scenario.cycle as cycle:
        node.name = "Source"
        cycle.name = "today"
        found: Any = tp.get(node.id)
        assert found.name == "Source"

    found = tp.get(cycle.id)
    assert found.name == "today"
