"""A graph as Mermaid."""

from __future__ import annotations

from asyncflow.display.graph import Box, Graph
from asyncflow.display.mermaid import mermaid
from asyncflow.status import Status


def test_tasks_and_data_nodes_have_their_shapes() -> None:
    boxes = [
        Box(id="x", label="my input", kind="data_node"),
        Box(id="y", label="double", statuses={Status.COMPLETED: 1}),
    ]
    assert mermaid(Graph(boxes=boxes, edges=[(0, 1)])) == (
        'flowchart LR\n    n0(["my input"])\n    n1["#10003; double"]\n    n0 --> n1\n'
    )


def test_what_means_something_to_mermaid_is_escaped() -> None:
    written = mermaid(Graph(boxes=[Box(id="x", label='"] --> <b>;#`')], edges=()))
    assert written.splitlines()[1] == (
        '    n0["#34;#93; --#62; #60;b#62;#59;#35;#96;"]'
    )


def test_notes_are_written_where_they_are_asked_for() -> None:
    graph = Graph(boxes=[Box(id="x", label="ann", note="May", kind="editor")], edges=())
    assert 'n0{{"ann"}}' in mermaid(graph)
    assert 'n0{{"ann#44; May"}}' in mermaid(graph, has_notes=True)
