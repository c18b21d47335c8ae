"""Configs of what a program does not declare: they can be read, and not run."""

from __future__ import annotations

import json

import pytest

from asyncflow import Configuration, NotDeclared
from asyncflow.config.dag import Dag
from asyncflow.config.sections import Scope
from asyncflow.recovery.undeclared import (
    UndeclaredScenario,
    check_declared,
    is_undeclared,
    scenario_config,
)
from tests.support import flows

WHY = "which this program does not declare"
NEWER = json.dumps([["load", ["place"], ["rows"]], ["sum", ["rows"], ["total"]]])
OLDER = json.dumps([["load", [], ["rows"]], ["gone", ["rows"], []]])


@pytest.fixture
def cfg() -> UndeclaredScenario:
    return scenario_config(
        "SCENARIO_c_1", "c", WHY, own=["rows", "total", "spare"], graphs=[NEWER, OLDER]
    )


def test_tasks_are_as_the_newest_run_had_them(cfg: UndeclaredScenario) -> None:
    tasks = {
        task.id: (
            [node.id for node in task.input],
            [node.id for node in task.output],
        )
        for task in cfg.task_configs
    }
    assert tasks == {
        "load": (["place"], ["rows"]),
        "sum": (["rows"], ["total"]),
        "gone": (["rows"], []),
    }


def test_a_data_node_that_is_not_its_own_is_shared(cfg: UndeclaredScenario) -> None:
    scopes = {node.id: node.scope for node in cfg.additional_data_node_configs}
    assert scopes == {
        "rows": Scope.SCENARIO,
        "total": Scope.SCENARIO,
        "spare": Scope.SCENARIO,
        "place": Scope.GLOBAL,
    }


def test_its_tasks_do_not_run(cfg: UndeclaredScenario) -> None:
    dag = Dag.of(cfg.task_configs)
    assert is_undeclared(dag)

    with pytest.raises(NotDeclared, match=f"SCENARIO_c_1 .* 'c', {WHY}"):
        check_declared(dag)

    with pytest.raises(NotDeclared):
        cfg.task_configs[0].function(1, 2)


def test_what_is_declared_runs(config: Configuration) -> None:
    dag = Dag.of(flows.single(config, flows.double).task_configs)
    assert not is_undeclared(dag)
    check_declared(dag)
