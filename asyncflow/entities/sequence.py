"""Sequences: some tasks of a scenario, submitted on their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs

from asyncflow.entities.data_node import DataNode
from asyncflow.entities.engine import Engine, OnFailure
from asyncflow.entities.planned import PlannedJob
from asyncflow.entities.task import Task

if TYPE_CHECKING:
    from asyncflow.entities.submission import Submission


@attrs.define(eq=False, repr=False)
class Sequence:
    """A named part of a scenario's tasks."""

    id: str
    name: str
    owner_id: str
    """The id of its scenario."""
    tasks: Mapping[str, Task]
    """Its tasks, by config id."""
    _engine: Engine

    @property
    def data_nodes(self) -> Mapping[str, DataNode]:
        """The data nodes of its tasks, by config id."""
        return {
            name: node
            for task in self.tasks.values()
            for name, node in task.data_nodes.items()
        }

    def submit(
        self,
        *,
        timeout: float | None = None,
        force: bool = False,
        on_failure: OnFailure = "continue",
        **properties: Any,
    ) -> Submission:
        """Run the tasks of this sequence; the options are those of `Scenario.submit`."""
        return self._engine.submit(
            self,
            timeout=timeout,
            force=force,
            on_failure=on_failure,
            properties=properties,
        )

    def plan(self, *, force: bool = False) -> tuple[PlannedJob, ...]:
        """Say what a run would do, and why; as `Scenario.plan`."""
        return self._engine.plan(self, force=force)

    def __repr__(self) -> str:
        return f"<Sequence {self.name}: {', '.join(self.tasks)}>"
