"""The graph of a scenario, and of a run of it."""

from __future__ import annotations

import pytest

from asyncflow import Orchestrator
from asyncflow.config.dag import Dag
from asyncflow.entities.scenario import Scenario, ordered_tasks
from asyncflow.entities.submittable import dag_of, nodes_of, tasks_of
from asyncflow.plan.graph import Graph, group_of
from tests.support import flows
from tests.support.declaring import diamond

pytestmark = pytest.mark.anyio


async def test_the_graph_of_a_run() -> None:
    config = flows.configuration("development", resources={"gpu": 1})
    diamond(config)

    async with Orchestrator(config, ":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(config.scenarios["diamond"])
        shared = scenario.data_nodes["shared"]
        graph = graph_of(scenario, dag_of(scenario))
        assert graph.groups == {scenario.id, shared.id}
        assert {group_of(node) for node in nodes_of(scenario).values()} == graph.groups
        assert list(graph.reads[2]) == [scenario.data_nodes["a"].id, shared.id]
        assert [list(nodes) for nodes in graph.writes[1:3]] == [
            [scenario.data_nodes[name].id] for name in "bc"
        ]
        assert graph.writers[scenario.data_nodes["d"].id] == 3
        part = scenario.sequences["first"]
        assert ordered_tasks(part, dag_of(part)) == (tasks_of(scenario)["start"],)


def graph_of(scenario: Scenario, dag: Dag) -> Graph:
    return Graph.of(scenario, dag, ordered_tasks(scenario, dag))
