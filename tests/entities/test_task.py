"""Tasks: a function with its data nodes."""

from __future__ import annotations

from typing import Any

import pytest

from asyncflow.config import Configuration, Scope
from asyncflow.entities.identity_map import IdentityMap
from asyncflow.entities.submittable import dag_of, tasks_of, verbs_of
from asyncflow.entities.task import Task, task_of
from tests.support import flows
from tests.support.entities import identity_map, make_scenario

pytestmark = pytest.mark.anyio


async def make(identities: IdentityMap, config: Configuration, **options: Any) -> Task:
    """Make a scenario of one task, which reads two data nodes and writes one."""
    scope: Any = options.pop("scope", Scope.SCENARIO)
    second = config.configure_data_node("second")
    first = config.configure_data_node("first")
    sum_ = config.configure_data_node("sum", scope=scope)
    task = config.configure_task("add", flows.add, [second, first], sum_, **options)
    scenario = await make_scenario(config.configure_scenario("s", task), identities)
    return scenario.tasks["add"]


async def test_what_a_task_is() -> None:
    task = await make(identity_map(), Configuration())
    assert task.tasks == {"add": task}
    assert dag_of(task).ids == ("add",)
    assert (task.function, task.skippable) == (flows.add, False)
    assert list(task.input) == ["second", "first"]  # as the parameters are
    assert list(task.data_nodes) == ["second", "first", "sum"]
    assert task.scenario_id == task.owner_id
    assert task.id == f"TASK_add_{task.owner_id}"
    assert repr(task) == "<Task add: second, first -> sum>"


async def test_there_is_one_handle_at_a_time() -> None:
    task = await make(identity_map(), Configuration())
    assert task_of(tasks_of(task)["add"], verbs_of(task)) is task
    assert task.input["first"] is task.data_nodes["first"]
    kept = task.output["sum"]
    assert task.output["sum"] is kept
