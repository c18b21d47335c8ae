"""Tasks: a function with its data nodes, and what its outputs follow from."""

from __future__ import annotations

from typing import Any

import pytest

from asyncflow.config import Configuration, Scope
from asyncflow.entities.identity_map import IdentityMap
from asyncflow.entities.task import Task, basis_of, new_basis, restore_basis
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
    assert task.dag.ids == ("add",)
    assert (task.function, task.skippable) == (flows.add, False)
    assert list(task.input) == ["second", "first"]  # as the parameters are
    assert list(task.data_nodes) == ["second", "first", "sum"]
    assert task.scenario_id == task.owner_id
    assert task.id == f"TASK_add_{task.owner_id}"
    assert repr(task) == "<Task add: second, first -> sum>"


async def test_a_skippable_task_remembers_what_its_outputs_follow_from() -> None:
    task = await make(identity_map(), Configuration(), skippable=True)
    assert basis_of(task) is None
    basis = new_basis(task, "f", {"first": 1, "second": 2}, {"sum": 3}, {"first": "x"})
    assert basis_of(task) is basis
    assert (basis.task_id, basis.scenario_id) == (task.id, task.owner_id)
    assert (basis.inputs, basis.outputs) == ({"first": 1, "second": 2}, {"sum": 3})
    assert task.input["first"].is_compared
    assert not task.output["sum"].is_compared


async def test_scenarios_that_share_all_outputs_of_a_task_share_what_they_follow_from() -> (
    None
):
    identities, config = identity_map(), Configuration()
    one = await make(identities, config, skippable=True, scope=Scope.GLOBAL)
    other = await make(identities, config, skippable=True, scope=Scope.GLOBAL)
    assert one.id != other.id
    basis = new_basis(one, "f", {}, {}, {})
    assert basis_of(other) is basis
    assert basis.scenario_id == ""
    assert identities.bases == {basis.task_id: basis}

    newer = basis._replace(fingerprint="g")
    restore_basis(other, newer)
    assert basis_of(one) is newer


async def test_tasks_of_two_scenarios_remember_each_their_own() -> None:
    identities, config = identity_map(), Configuration()
    one = await make(identities, config, skippable=True)
    other = await make(identities, config, skippable=True)
    restore_basis(one, new_basis(one, "f", {}, {}, {})._replace(fingerprint="g"))
    assert basis_of(other) is None
    known = basis_of(one)
    assert known is not None
    assert known.fingerprint == "g"
