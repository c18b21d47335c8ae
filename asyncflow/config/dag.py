"""The graph of a scenario's tasks."""

from __future__ import annotations

import json
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from graphlib import TopologicalSorter
from itertools import islice
from typing import TypeVar

import attrs

from asyncflow.config.data_node import owning
from asyncflow.config.sections import Scope, TaskConfig
from asyncflow.facts import Facts

T = TypeVar("T")

_OWN = Scope.SCENARIO
"""Bound here: it is asked for each data node, and a class of Python's enums is slow."""

SOME = 1000
"""How many tasks are written as JSON at a time."""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Dag(Facts):
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
    needed: tuple[int, ...] = attrs.field(repr=False)
    """For each task, how many predecessors it has."""
    ids: tuple[str, ...] = attrs.field(repr=False)
    """The ids of `tasks`."""
    sources: tuple[str, ...] = attrs.field(repr=False)
    """The ids of the data nodes that are read, and that no task writes."""
    shared: tuple[str, ...] = attrs.field(repr=False)
    """The ids of the data nodes that scenarios share, read or written."""
    places: tuple[str, ...] = attrs.field(repr=False)
    """Those of `sources` that are in places of the user's."""
    common: tuple[str, ...] = attrs.field(repr=False)
    """The ids of the data nodes of which other scenarios may use the same: the shared
    ones, and files of the user's."""
    needs: Mapping[int, Mapping[str, float]] = attrs.field(repr=False)
    """The named resources of those tasks that need some."""
    kinds: tuple[TaskConfig, ...] = attrs.field(repr=False)
    """Of tasks that differ only in their names and data nodes, one."""
    kind_of: tuple[int, ...] = attrs.field(repr=False)
    """For each task, the place in `kinds` of one like it."""

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
        kinds, kind_of = _kinds(tasks)
        nodes = {
            node.id: node for task in tasks for node in (*task.input, *task.output)
        }
        owned = {node.id for node in owning(nodes.values())}
        shared = [name for name, node in nodes.items() if node.scope is not _OWN]
        common = owned.union(shared)
        sources = _distinct(
            node.id for task in tasks for node in task.input if node.id not in writers
        )
        return cls(
            tasks=tasks,
            predecessors=tuple(predecessors),
            successors=tuple(map(tuple, successors)),
            levels=tuple(tuple(place[index] for index in level) for level in levels),
            text=_text(tasks),
            needed=tuple(map(len, predecessors)),
            ids=tuple(task.id for task in tasks),
            sources=sources,
            shared=tuple(shared),
            places=tuple(filter(owned.__contains__, sources)),
            common=tuple(filter(common.__contains__, nodes)),
            needs={place: task.needs for place, task in enumerate(tasks) if task.needs},
            kinds=kinds,
            kind_of=kind_of,
        )

    @property
    def is_declared(self) -> bool:
        """Whether this program has the code of its tasks."""
        return all(task.is_declared for task in self.kinds)

    def check_declared(self) -> None:
        """Refuse to run tasks whose code is not here.

        :raises NotDeclared: where it is not
        """
        for task in self.kinds:
            if not task.is_declared:
                task.function()

    @property
    def edges(self) -> tuple[tuple[int, int], ...]:
        """Each edge, as the places of the two tasks it joins."""
        return tuple(
            (need, position)
            for position, needed in enumerate(self.predecessors)
            for need in needed
        )

    def pick(self, things: Mapping[str, T]) -> tuple[T, ...]:
        """Return those that belong to its tasks, by their ids, in their order."""
        return tuple([things[name] for name in self.ids])

    def part(self, task_ids: Collection[str]) -> Dag:
        """Return the graph of some of the tasks."""
        return Dag.of(config for config in self.tasks if config.id in task_ids)


def _distinct(ids: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(ids))


def _kinds(
    tasks: Iterable[TaskConfig],
) -> tuple[tuple[TaskConfig, ...], tuple[int, ...]]:
    """Return a task of each kind, and for each task the place of its kind."""
    known: dict[Hashable, int] = {}
    kinds: list[TaskConfig] = []
    kind_of: list[int] = []

    for task in tasks:
        kind = known.setdefault(_kind(task), len(known))
        kind_of.append(kind)

        if kind == len(kinds):
            kinds.append(task)

    return tuple(kinds), tuple(kind_of)


def _kind(task: TaskConfig) -> Hashable:
    """Return what tells how the jobs of a task are called."""
    return (
        id(task.function),
        task.executor,
        task.skippable,
        task.on_restart,
        bool(task.needs),
        task.run_timeout,
        task.stall_timeout,
        all(node.scope is _OWN for node in task.input),
    )


def _text(tasks: Iterable[TaskConfig]) -> str:
    """Write them some at a time: the encoder lets no other thread run meanwhile."""
    named = (
        (task.id, [node.id for node in task.input], [node.id for node in task.output])
        for task in tasks
    )
    texts: list[str] = []

    while some := [*islice(named, SOME)]:
        texts.append(json.dumps(some, separators=(",", ":"))[1:-1])

    return f"[{','.join(texts)}]"


def _levels(needs: list[set[int]]) -> list[tuple[int, ...]]:
    """Sort tasks into levels, each in the order of declaration."""
    if all(max(need, default=-1) < index for index, need in enumerate(needs)):
        return _levels_in_order(needs)

    sorter = TopologicalSorter(dict(enumerate(needs)))
    sorter.prepare()
    levels = []

    while sorter.is_active():
        level = tuple(sorted(sorter.get_ready()))
        sorter.done(*level)
        levels.append(level)

    return levels


def _levels_in_order(needs: Sequence[set[int]]) -> list[tuple[int, ...]]:
    """Do the same where each task comes after those that it needs."""
    level_of: list[int] = []
    levels: list[list[int]] = []

    for index, need in enumerate(needs):
        level = 1 + max([level_of[key] for key in need], default=-1)
        level_of.append(level)

        if level == len(levels):
            levels.append([])

        levels[level].append(index)

    return [tuple(level) for level in levels]
