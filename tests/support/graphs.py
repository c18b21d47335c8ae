"""Graphs for tests of the plan."""

from __future__ import annotations

from asyncflow.plan.graph import Graph
from asyncflow.plan.instructions import (
    Block,
    Instruction,
)
from asyncflow.plan.plan import Plan


def chain(count: int, node: str = "n") -> Graph:
    """Jobs in a row; each reads what the one before it writes."""
    return Graph(
        successors=[[index + 1] for index in range(count - 1)] + [[]],
        predecessors=[0] + [1] * (count - 1),
        reads=[[f"{node}{index}"] for index in range(count)],
        writes=[[f"{node}{index + 1}"] for index in range(count)],
    )


def fan(count: int, reads: str = "in") -> Graph:
    """Jobs that need nothing of each other."""
    return Graph(
        successors=[[]] * count,
        predecessors=[0] * count,
        reads=[[reads]] * count,
        writes=[[]] * count,
    )


def one_file(count: int) -> Graph:
    """Jobs of one run that write one file under several names."""
    return Graph(
        successors=[[]] * count,
        predecessors=[0] * count,
        reads=[[]] * count,
        writes=[["file"]] * count,
        takes_turns=True,
    )


def submit(
    plan: Plan, run: int, graph: Graph, *, stop: bool = False
) -> list[Instruction]:
    """Submit a run and admit all of it; leave out who only waits."""
    names = [f"t{index}" for index in range(len(graph.successors))]
    instructions = plan.submitted(run, graph, names, stop=stop) + plan.admitted(10**6)
    return [one for one in instructions if not isinstance(one, Block)]
