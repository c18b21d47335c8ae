"""Large graphs are drawn with fewer boxes."""

from __future__ import annotations

from asyncflow.display.folding import LIMIT, folded
from asyncflow.display.graph import Box, Graph
from asyncflow.display.svg import svg
from asyncflow.status import Status
from tests.support.pictures import random_graph


def fan(count: int, *, like: str) -> Graph:
    """Make a graph of one box that leads to many."""
    many = [
        Box(
            id=str(place),
            label=f"t{place}",
            like=like or str(place),
            statuses={Status.FAILED if place == 7 else Status.COMPLETED: 1},
        )
        for place in range(count)
    ]
    first = Box(id="first", label="first", kind="data_node")
    return Graph(boxes=[first, *many], edges=[(0, place + 1) for place in range(count)])


def test_a_small_graph_stays_what_it_is() -> None:
    graph = random_graph(LIMIT, 1)
    assert folded(graph) is graph


def test_boxes_of_a_layer_that_are_alike_become_one() -> None:
    graph = folded(fan(1000, like="train"))
    first, many = graph.boxes
    assert (first.label, many.label, many.count) == ("first", "train", 1000)
    assert many.note == "t0 … t999"
    assert many.statuses == {Status.COMPLETED: 999, Status.FAILED: 1}
    assert [*graph.edges] == [(0, 1)]
    assert "✗" in svg(graph)
    assert "1 FAILED, 999 COMPLETED" in svg(graph)


def test_all_tasks_of_a_layer_become_one_where_they_are_not_alike() -> None:
    graph = folded(fan(1000, like=""))
    assert [box.count for box in graph.boxes] == [1, 1000]
    assert graph.boxes[1].label == "tasks"


def test_no_edge_is_lost_whatever_the_order_of_the_boxes() -> None:
    layers = [*range(4), *range(4)][::-1] * 100  # the last boxes lead to the first
    boxes = [
        Box(id=str(place), label=f"t{place}", like=f"layer {layer}")
        for place, layer in enumerate(layers)
    ]
    edges = [(place + 1, place) for place, layer in enumerate(layers) if layer]
    graph = folded(Graph(boxes=boxes, edges=edges))
    assert [box.label for box in graph.boxes] == [
        f"layer {one}" for one in (3, 2, 1, 0)
    ]
    assert {*graph.edges} == {(1, 0), (2, 1), (3, 2)}


def test_layers_of_a_long_chain_become_one() -> None:
    boxes = [Box(id=str(place), label=f"t{place}", like="f") for place in range(10_000)]
    graph = folded(Graph(boxes=boxes, edges=[(at, at + 1) for at in range(9_999)]))
    assert 100 < len(graph.boxes) <= LIMIT
    assert sum(box.count for box in graph.boxes) == 10_000
    assert len(graph.edges) == len(graph.boxes) - 1


def test_any_large_graph_is_one_that_can_be_drawn() -> None:
    for seed in range(3):
        graph = folded(random_graph(3_000, seed))
        assert len(graph.boxes) <= LIMIT
        assert svg(graph)
