"""The graph of a scenario, as far as its sections tell: who writes what, and cycles.

What is not a section is passed over here; `checks` reports it.
"""

from __future__ import annotations

import graphlib
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from asyncflow.config.sections import (
    ScenarioConfig,
    Section,
    TaskConfig,
)

Vertex: TypeAlias = tuple[str, str]
"""The kind and the key of a section."""


def sections(members: Iterable[object]) -> Iterator[Section]:
    """Yield those members that are sections."""
    return (member for member in members if isinstance(member, Section))


def names(scenario: ScenarioConfig) -> set[str]:
    """Return the ids of the tasks and data nodes of a scenario."""
    found = {node.key for node in sections(scenario.additional_data_node_configs)}
    for task in _tasks(scenario.task_configs):
        found.add(task.key)
        found.update(node.key for node in sections((*task.input, *task.output)))

    return found


def writers(members: Iterable[object]) -> dict[str, list[str]]:
    """Return the ids of the tasks that write each data node, by its id."""
    found: dict[str, list[str]] = {}
    for task in _tasks(members):
        for key in dict.fromkeys(node.key for node in sections(task.output)):
            found.setdefault(key, []).append(task.key)

    return found


def cycle(members: Iterable[object]) -> list[str]:
    """Return the way around a cycle of tasks, from task to task, or an empty list.

    It starts and ends at the first task of the scenario that is on it. A task that
    reads what it writes is not a cycle here: that is the task's own problem.
    """
    tasks = _tasks(members)
    try:
        _sorter(tasks).prepare()
    except graphlib.CycleError as error:
        around: list[Vertex] = error.args[1][:-1]
    else:
        return []

    start = next(vertex for vertex in map(_vertex, tasks) if vertex in around)
    turn = around.index(start)
    return [key for _, key in (*around[turn:], *around[:turn], start)]


def _tasks(members: Iterable[object]) -> list[TaskConfig]:
    """Return the tasks among the members, each once."""
    tasks = (member for member in members if isinstance(member, TaskConfig))
    return list({task.key: task for task in tasks}.values())


def _sorter(tasks: Iterable[TaskConfig]) -> graphlib.TopologicalSorter[Vertex]:
    sorter: graphlib.TopologicalSorter[Vertex] = graphlib.TopologicalSorter()
    for task in tasks:
        outputs = {_vertex(node) for node in sections(task.output)}
        inputs = (_vertex(node) for node in sections(task.input))
        sorter.add(_vertex(task), *(node for node in inputs if node not in outputs))
        for output in outputs:
            sorter.add(output, _vertex(task))

    return sorter


def _vertex(section: Section) -> Vertex:
    return (section.kind, section.key)
