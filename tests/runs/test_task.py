"""The state of a task: what its outputs follow from."""

from __future__ import annotations

from typing import Any

import pytest

from asyncflow.config import Configuration, Scope
from asyncflow.config.sections import DataNodeConfig, TaskConfig
from asyncflow.entities.identity_map import IdentityMap
from asyncflow.entities.submittable import tasks_of
from asyncflow.runs.task import TaskState, has_shared_basis, id_of, owner_of
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


def test_whose_outputs_scenarios_share_that_is_skipped_for_all() -> None:
    config = Configuration()
    own = config.configure_data_node("own")
    shared = config.configure_data_node("shared", scope=Scope.GLOBAL)
    of_cycle = config.configure_data_node("of_cycle", scope=Scope.CYCLE)

    def made(name: str, *output: DataNodeConfig, skippable: bool = True) -> TaskConfig:
        return config.configure_task(
            name, flows.double, own, [*output], skippable=skippable
        )

    assert has_shared_basis(made("a", shared))
    assert not has_shared_basis(made("b", shared, skippable=False))
    assert not has_shared_basis(made("c", shared, own))
    assert not has_shared_basis(made("d"))

    one = config.configure_task("e", flows.double, shared, of_cycle)
    assert id_of(one, "SCENARIO_s_1", "CYCLE_DAILY_1Z") == "TASK_e_CYCLE_DAILY_1Z"
    assert id_of(one, "SCENARIO_s_1", None) == "TASK_e_CYCLE"  # of older stores
    assert owner_of("TASK_e_CYCLE", "SCENARIO_s_1") is None
    assert id_of(made("f", shared), "SCENARIO_s_1", None) == "TASK_f_SCENARIO_s_1"
    assert owner_of("TASK_f_SCENARIO_s_1", "SCENARIO_s_1") == "SCENARIO_s_1"
