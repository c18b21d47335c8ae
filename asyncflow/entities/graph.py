"""What the scheduler needs to know of a run."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from asyncflow.entities.dag import Dag
from asyncflow.entities.task import Task


@attrs.frozen(kw_only=True)
class Graph:
    """The jobs of a run, in an order that they can run in."""

    successors: Sequence[Sequence[int]]
    """For each job, those that need it."""
    predecessors: Sequence[int]
    """For each job, how many it needs."""
    reads: Sequence[Sequence[str]]
    """For each job, the ids of the data nodes that it reads."""
    writes: Sequence[Sequence[str]]
    """For each job, the ids of the data nodes that it writes."""

    @classmethod
    def of(cls, dag: Dag, tasks: Sequence[Task]) -> Graph:
        """Describe a run of tasks, in the order of their graph."""
        return cls(
            successors=dag.successors,
            predecessors=[len(needed) for needed in dag.predecessors],
            reads=[[node.id for node in task.input.values()] for task in tasks],
            writes=[[node.id for node in task.output.values()] for task in tasks],
        )
