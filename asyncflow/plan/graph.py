"""What the scheduler needs to know of a run."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import Literal, overload

import attrs

from asyncflow.config.dag import Dag
from asyncflow.entities.submittable import Submittable, nodes_of
from asyncflow.runs.node import NodeState
from asyncflow.runs.task import TaskState


@attrs.define(eq=False, kw_only=True, repr=False)
class Graph:
    """The jobs of a run, in an order that they can run in. It never changes."""

    successors: Sequence[Sequence[int]]
    """For each job, those that need it."""
    predecessors: Sequence[int]
    """For each job, how many it needs."""
    reads: Sequence[Sequence[str]]
    """For each job, the keys of the data nodes that it reads."""
    writes: Sequence[Sequence[str]]
    """For each job, the keys of the data nodes that it writes."""
    groups: Collection[str] = attrs.field()
    """The groups of its data nodes: see `group_of`."""
    takes_turns: bool = False
    """Whether several of its data nodes are one file: jobs that touch it take turns."""

    @groups.default
    def _each_its_own(self) -> Collection[str]:
        return set(chain(*self.reads, *self.writes))

    @classmethod
    def of(cls, entity: Submittable, dag: Dag, tasks: Sequence[TaskState]) -> Graph:
        """Describe a run.

        :param entity: what is run
        :param dag: the graph of it, or a part of that
        :param tasks: those of the graph, in their order
        """
        groups = {entity.scenario_id}
        takes_turns = False

        if dag.common:
            nodes = nodes_of(entity)
            common = [nodes[name] for name in dag.common]
            places = [
                node.driver.place for node in common if node.driver.place is not None
            ]
            groups.update(map(group_of, common))
            takes_turns = len(places) != len({*places})

        return cls(
            successors=dag.successors,
            predecessors=dag.needed,
            reads=Nodes(tasks, "input"),
            writes=Nodes(tasks, "output"),
            groups=groups,
            takes_turns=takes_turns,
        )

    @cached_property
    def writers(self) -> Mapping[str, int]:
        """For each data node that is written, the job that does it."""
        return {node: job for job, nodes in enumerate(self.writes) for node in nodes}


def group_of(node: NodeState) -> str:
    """Return the group of a data node: all of one scenario are in one group. One that
    scenarios share is in a group of its own, as is a file of the user's.
    """
    if node.driver.place is not None:
        return node.driver.place

    return node.id if node.is_shared or node.owner_id is None else node.owner_id


@attrs.define(eq=False, repr=False)
class Nodes(Sequence[Sequence[str]]):
    """The keys of data nodes of each task, which are looked up when asked for.

    :param side: whether those are its inputs or its outputs
    """

    tasks: Sequence[TaskState]
    side: Literal["input", "output"]

    def __len__(self) -> int:
        return len(self.tasks)

    @overload
    def __getitem__(self, index: int) -> Sequence[str]: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Sequence[str]]: ...

    def __getitem__(
        self, index: int | slice
    ) -> Sequence[str] | Sequence[Sequence[str]]:
        if isinstance(index, slice):
            return Nodes(self.tasks[index], self.side)

        task = self.tasks[index]
        nodes = task.input if self.side == "input" else task.output
        return [node.key for node in nodes.values()]
