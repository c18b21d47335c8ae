"""A graph as text."""

from __future__ import annotations

from asyncflow.display.graph import Box, Graph
from asyncflow.display.text import text
from asyncflow.status import Status


def test_a_line_tells_what_a_task_reads_and_writes() -> None:
    boxes = [
        Box(id="add", label="add", statuses={Status.FAILED: 1}),
        Box(id="double", label="double", statuses={Status.COMPLETED: 1}),
        *(Box(id=name, label=name, kind="data_node") for name in ("in", "mid", "out")),
    ]
    graph = Graph(boxes=boxes, edges=[(2, 1), (1, 3), (3, 0), (0, 4)])
    assert text(graph) == (
        "1  double  in → mid   ✓ COMPLETED\n"
        "2  add     mid → out  ✗ FAILED\n"
    )  # fmt: skip


def test_long_names_are_cut_in_their_middle() -> None:
    (line,) = text(
        Graph(boxes=[Box(id="a", label="a" * 99 + "b")], edges=())
    ).splitlines()
    assert line == f"1  {'a' * 20}…{'a' * 18}b  →"


def test_control_characters_are_not_written() -> None:
    assert "\x1b" not in text(Graph(boxes=[Box(id="a", label="\x1b[31m")], edges=()))


def test_no_tasks_are_no_text() -> None:
    assert text(Graph(boxes=(), edges=())) == ""
