"""The graph of a scenario's tasks."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from graphlib import TopologicalSorter

import attrs

from asyncflow.config.sections import TaskConfig


@attrs.frozen(kw_only=True)
class Dag:
    """Tasks, in an order in which they can run, and the edges between them.

    A task is named by its place in `tasks`. An edge goes from the task that writes a
    data node to each task that reads it.
    """

    tasks: tuple[TaskConfig, ...]
    predecessors: tuple[tuple[int, ...], ...]
    successors: tuple[tuple[int, ...], ...]
    levels: tuple[tuple[int, ...], ...]
    """The tasks that could run at once, if each took the same time; level by level."""
    text: str = attrs.field(repr=False)
    """As JSON what each task is called, reads and writes, in the order of `tasks`."""

    @classmethod
    def of(cls, configs: Iterable[TaskConfig]) -> Dag:
        """Build the graph of some tasks, in time linear in its edges.

        :raises graphlib.CycleError: where they need each other in a circle
        """
        configs = tuple(configs)
        writers = {
            node.id: index
            for index, config in enumerate(configs)
            for node in config.output
        }
        needs = [
            {writers[node.id] for node in config.input if node.id in writers}
            for config in configs
        ]
        levels = _levels(needs)
        order = [index for level in levels for index in level]
        place = {index: position for position, index in enumerate(order)}
        predecessors = [
            tuple(sorted(place[need] for need in needs[index])) for index in order
        ]
        successors: list[list[int]] = [[] for _ in order]

        for position, needed in enumerate(predecessors):
            for need in needed:
                successors[need].append(position)

        tasks = tuple(configs[index] for index in order)
        return cls(
            tasks=tasks,
            predecessors=tuple(predecessors),
            successors=tuple(map(tuple, successors)),
            levels=tuple(tuple(place[index] for index in level) for level in levels),
            text=_text(tasks),
        )

    @property
    def edges(self) -> tuple[tuple[int, int], ...]:
        """Each edge, as the places of the two tasks it joins."""
        return tuple(
            (need, position)
            for position, needed in enumerate(self.predecessors)
            for need in needed
        )

    def part(self, task_ids: Collection[str]) -> Dag:
        """Return the graph of some of the tasks."""
        return Dag.of(config for config in self.tasks if config.id in task_ids)


def _text(tasks: Iterable[TaskConfig]) -> str:
    return json.dumps(
        [
            (task.id, [one.id for one in task.input], [one.id for one in task.output])
            for task in tasks
        ],
        separators=(",", ":"),
    )


def _levels(needs: list[set[int]]) -> list[tuple[int, ...]]:
    """Sort tasks into levels, each in the order of declaration."""
    sorter = TopologicalSorter(dict(enumerate(needs)))
    sorter.prepare()
    levels = []

    while sorter.is_active():
        level = tuple(sorted(sorter.get_ready()))
        sorter.done(*level)
        levels.append(level)

    return levels
