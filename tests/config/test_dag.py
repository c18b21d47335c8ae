"""The graph of tasks: their order, their edges, and what a run asks of it."""

from __future__ import annotations

import json
from graphlib import CycleError
from random import Random

import pytest

from asyncflow import Configuration
from asyncflow.config.dag import SOME, Dag
from tests.support import flows
from tests.support.declaring import diamond


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


def test_edges_and_levels() -> None:
    dag = diamond(Configuration())
    assert dag.levels == ((0,), (1, 2), (3,))
    assert dag.edges == ((0, 1), (0, 2), (1, 3), (2, 3))
    assert dag.successors == ((1, 2), (3,), (3,), ())
    assert dag.predecessors == ((), (0,), (0,), (1, 2))


def test_a_part_reads_what_the_rest_would_write() -> None:
    part = diamond(Configuration()).part({"join", "right"})
    assert part.ids == ("right", "join")
    assert part.sources == ("a", "shared", "b")
    assert part.pick({"left": 1, "join": 2, "right": 3}) == (3, 2)


def test_tasks_that_need_each_other_have_no_graph() -> None:
    config = Configuration()
    a, b = config.configure_data_node("a"), config.configure_data_node("b")
    tasks = [
        config.configure_task("there", flows.identity, a, b),
        config.configure_task("back", flows.identity, b, a),
    ]

    with pytest.raises(CycleError):
        Dag.of(tasks)


def test_a_file_of_the_users_is_common_and_not_shared() -> None:
    config = Configuration()
    file = config.configure_pickle_data_node("file", "file.p")
    own = config.configure_data_node("own")
    dag = Dag.of([config.configure_task("t", flows.identity, file, own)])
    assert (dag.common, dag.shared) == (("file",), ())


def test_the_text_names_what_each_task_reads_and_writes() -> None:
    dag = flows_of(Configuration())
    assert json.loads(dag.text) == [
        ["one", ["n0"], ["n1"]],
        ["two", ["n1"], ["n2"]],
        ["three", ["n2"], ["n3"]],
    ]


def test_no_tasks_make_a_graph_of_nothing() -> None:
    dag = Dag.of(())
    assert (dag.tasks, dag.levels, dag.edges, dag.text) == ((), (), (), "[]")


@pytest.mark.parametrize("seed", range(5))
def test_levels_do_not_depend_on_the_order_of_declaration(seed: int) -> None:
    chance = Random(seed)
    config = Configuration()
    nodes = [config.configure_data_node(f"n{index}") for index in range(40)]
    tasks = [
        config.configure_task(
            f"t{index}",
            flows.identity,
            chance.sample(nodes[:index], min(index, 2)),
            nodes[index],
        )
        for index in range(40)
    ]
    mixed = chance.sample(tasks, 40)
    assert mixed != tasks
    assert [*map(set, names_of(Dag.of(tasks)))] == [*map(set, names_of(Dag.of(mixed)))]


def names_of(dag: Dag) -> list[list[str]]:
    return [[dag.ids[place] for place in level] for level in dag.levels]


def test_the_text_of_many_tasks_is_that_of_all_at_once() -> None:
    config = Configuration()
    nodes = [config.configure_data_node(f"n{index}") for index in range(SOME + 2)]
    tasks = [
        config.configure_task(f"t{index}", flows.identity, node, nodes[index + 1])
        for index, node in enumerate(nodes[:-1])
    ]
    text = json.loads(Dag.of(tasks).text)
    assert text == [
        [task.id, [task.input[0].id], [task.output[0].id]] for task in tasks
    ]
