"""The sections of one configuration: a reference is the current section of its id."""

from __future__ import annotations

from typing import Any

import pytest

from asyncflow.config import DataNodeConfig, JobConfig, ScenarioConfig, TaskConfig
from asyncflow.config.registry import Registry


@pytest.fixture
def registry() -> Registry:
    return Registry()


def declare(registry: Registry) -> tuple[DataNodeConfig, TaskConfig, ScenarioConfig]:
    node = registry.put(DataNodeConfig(id="n"))
    task = registry.put(TaskConfig(id="t", function=print, input=(node,)))
    scenario = registry.put(
        ScenarioConfig(id="s", task_configs=(task,), sequences={"one": (task,)})
    )
    return node, task, scenario


def test_sections_by_kind_and_id(registry: Registry) -> None:
    node, task, scenario = declare(registry)
    assert registry.sections == (node, task, scenario)
    assert registry.of_kind(TaskConfig) == {"t": task}
    assert registry.of_kind(ScenarioConfig) == {"s": scenario}
    assert registry.find(DataNodeConfig(id="n")) is node
    assert registry.find(DataNodeConfig(id="t")) is None


def test_what_refers_to_a_section_refers_to_the_one_that_replaced_it(
    registry: Registry,
) -> None:
    node, task, _ = declare(registry)
    new = registry.put(DataNodeConfig(id="n", keep_versions=2))
    pointed = registry.tasks["t"]
    assert pointed.input == (new,)
    assert registry.scenarios["s"].task_configs == (pointed,)
    assert registry.scenarios["s"].sequences == {"one": (pointed,)}

    assert registry.current(node) is new
    assert registry.current(task) is pointed
    assert registry.current(pointed) is pointed


def test_what_is_not_from_here_stays_as_it_is(registry: Registry) -> None:
    declare(registry)
    elsewhere: Any = (DataNodeConfig(id="n"), 5)
    task = registry.put(TaskConfig(id="u", function=print, input=elsewhere))
    assert task.input == elsewhere
    assert registry.current(elsewhere[0]) is elsewhere[0]


def test_a_section_whose_references_are_current_is_put_itself(
    registry: Registry,
) -> None:
    node, _, _ = declare(registry)
    task = TaskConfig(id="u", function=print, input=(node,))
    assert registry.put(task) is task


def test_several_are_placed_before_all_are_pointed(registry: Registry) -> None:
    declare(registry)
    new = registry.place(DataNodeConfig(id="n", keep_versions=2))
    assert registry.tasks["t"].input != (new,)
    registry.point()
    assert registry.tasks["t"].input == (new,)


def test_an_id_that_is_no_text_has_a_key(registry: Registry) -> None:
    wrong: Any = []
    node = registry.put(DataNodeConfig(id=wrong))
    assert registry.data_nodes == {"[]": node}


@pytest.mark.parametrize("twin_of", [Registry.snapshot, Registry.copy])
def test_later_changes_leave_a_copy_alone(registry: Registry, twin_of: Any) -> None:
    node, _, _ = declare(registry)
    twin: Registry = twin_of(registry)
    registry.put(DataNodeConfig(id="n", keep_versions=2))
    registry.put(DataNodeConfig(id="m"))
    registry.job = JobConfig(mode="standalone")
    assert twin.data_nodes == {"n": node}
    assert twin.tasks["t"].input == (node,)
    assert twin.job.mode == "development"


def test_what_is_taken_over_is_known(registry: Registry) -> None:
    node, task, _ = declare(registry)
    other = Registry()
    other.update(registry)
    assert other.tasks == {"t": task}
    new = other.put(DataNodeConfig(id="n", keep_versions=2))
    assert other.current(node) is new


def test_a_cleared_registry_knows_nothing(registry: Registry) -> None:
    node, _, _ = declare(registry)
    registry.job = JobConfig(mode="standalone")
    registry.clear()
    assert registry.sections == ()
    assert registry.job.mode == "development"
    new = registry.put(DataNodeConfig(id="n"))
    assert registry.current(node) is node is not new
