"""The state of a task: what its outputs follow from."""

from __future__ import annotations

from typing import Any

import pytest

from asyncflow.config import Configuration, Scope
from asyncflow.entities.identity_map import IdentityMap
from asyncflow.entities.submittable import tasks_of
from asyncflow.runs.task import TaskState
from tests.support import flows
from tests.support.entities import identity_map, make_scenario

pytestmark = pytest.mark.anyio


async def make(
    identities: IdentityMap, config: Configuration, **options: Any
) -> TaskState:
    """Make a scenario of one task, which reads two data nodes and writes one."""
    scope: Any = options.pop("scope", Scope.SCENARIO)
    second = config.configure_data_node("second")
    first = config.configure_data_node("first")
    sum_ = config.configure_data_node("sum", scope=scope)
    task = config.configure_task("add", flows.add, [second, first], sum_, **options)
    scenario = await make_scenario(config.configure_scenario("s", task), identities)
    return tasks_of(scenario)["add"]


async def test_a_skippable_task_remembers_what_its_outputs_follow_from() -> None:
    task = await make(identity_map(), Configuration(), skippable=True)
    before = task.basis
    assert before is None
    basis = task.new_basis("f", {"first": 1, "second": 2}, {"sum": 3}, {"first": "x"})
    assert task.basis is basis
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
    basis = one.new_basis("f", {}, {}, {})
    assert other.basis is basis
    assert basis.scenario_id == ""
    assert identities.bases == {basis.task_id: basis}

    newer = basis._replace(fingerprint="g")
    other.restore_basis(newer)
    assert one.basis is newer


async def test_tasks_of_two_scenarios_remember_each_their_own() -> None:
    identities, config = identity_map(), Configuration()
    one = await make(identities, config, skippable=True)
    other = await make(identities, config, skippable=True)
    one.restore_basis(one.new_basis("f", {}, {}, {})._replace(fingerprint="g"))
    assert other.basis is None
    known = one.basis
    assert known is not None
    assert known.fingerprint == "g"
