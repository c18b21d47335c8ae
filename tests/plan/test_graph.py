"""The graph of a scenario, and of a run of it."""

from __future__ import annotations

import pytest

from asyncflow import Configuration, Orchestrator, Scope
from asyncflow.config.dag import Dag
from asyncflow.entities.scenario import Scenario, tasks_of
from asyncflow.plan.graph import Graph, group_of
from tests.support import flows

pytestmark = pytest.mark.anyio


def diamond(config: Configuration) -> Dag:
    """Declare ``a`` -> ``left``, ``right`` -> ``c``; ``right`` reads a shared node."""
    node = config.configure_data_node
    source, shared = node("source", default_data=1), node("shared", scope=Scope.GLOBAL)
    a, b, c, d = (node(name) for name in "abcd")
    tasks = [
        config.configure_task("join", flows.add, [b, c], d),
        config.configure_task("left", flows.identity, a, b),
        config.configure_task("right", flows.add, [a, shared], c, needs={"gpu": 1}),
        config.configure_task("start", flows.double, source, a),
    ]
    config.configure_scenario("diamond", tasks, sequences={"first": tasks[3:]})
    return Dag.of(tasks)


@pytest.mark.smoke
def test_what_a_graph_knows() -> None:
    dag = diamond(Configuration())
    assert dag.ids == ("start", "left", "right", "join")
    assert dag.needed == (0, 1, 1, 2)
    assert dag.sources == ("source", "shared")
    assert dag.shared == ("shared",)
    assert dag.needs == {2: {"gpu": 1}}


def test_tasks_that_differ_in_names_alone_are_of_one_kind() -> None:
    config = Configuration()
    dag = flows_of(config)
    assert dag.kind_of == (0, 0, 1)
    assert [task.id for task in dag.kinds] == ["one", "three"]


def flows_of(config: Configuration) -> Dag:
    nodes = [config.configure_data_node(f"n{index}") for index in range(4)]
    functions = {"one": flows.double, "two": flows.double, "three": flows.identity}
    return Dag.of(
        config.configure_task(name, function, nodes[index], nodes[index + 1])
        for index, (name, function) in enumerate(functions.items())
    )


async def test_the_graph_of_a_run() -> None:
    config = flows.configuration("development", resources={"gpu": 1})
    diamond(config)

    async with Orchestrator(config, ":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(config.scenarios["diamond"])
        shared = scenario.data_nodes["shared"]
        graph = graph_of(scenario, scenario.dag)
        assert graph.groups == {scenario.id, shared.id}
        assert {group_of(node) for node in scenario.data_nodes.values()} == graph.groups
        assert list(graph.reads[2]) == [scenario.data_nodes["a"].id, shared.id]
        assert [list(nodes) for nodes in graph.writes[1:3]] == [
            [scenario.data_nodes[name].id] for name in "bc"
        ]
        assert graph.writers[scenario.data_nodes["d"].id] == 3
        part = scenario.sequences["first"]
        assert tasks_of(part, part.dag) == (scenario.tasks["start"],)


def graph_of(scenario: Scenario, dag: Dag) -> Graph:
    return Graph.of(scenario, dag, tasks_of(scenario, dag))
