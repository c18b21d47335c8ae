"""Tasks: a function with its data nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from asyncflow.config.sections import TaskConfig
from asyncflow.entities.data_node import DataNode
from asyncflow.entities.engine import Engine, OnFailure
from asyncflow.entities.planned import PlannedJob

if TYPE_CHECKING:
    from asyncflow.entities.submission import Submission


@attrs.define(eq=False, repr=False)
class Task:
    """A function, the data nodes that it reads and the data nodes that it writes."""

    id: str
    config: TaskConfig
    input: Mapping[str, DataNode]
    """The data nodes that it reads, by config id, in the order of the parameters."""
    output: Mapping[str, DataNode]
    """The data nodes that it writes, by config id, in the order of the results."""
    _engine: Engine

    @property
    def config_id(self) -> str:
        """The id of its config."""
        return self.config.id

    @property
    def function(self) -> Callable[..., object]:
        """The function that its jobs call."""
        return self.config.function

    @property
    def skippable(self) -> bool:
        """Whether it may be skipped when nothing that it depends on has changed."""
        return self.config.skippable

    @property
    def data_nodes(self) -> Mapping[str, DataNode]:
        """Its data nodes, by config id."""
        return {**self.input, **self.output}

    def submit(
        self,
        *,
        timeout: float | None = None,
        force: bool = False,
        on_failure: OnFailure = "continue",
        **properties: Any,
    ) -> Submission:
        """Run this task alone; the options are those of `Scenario.submit`."""
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
        return f"<Task {self.config_id}: {', '.join(self.input)} -> {', '.join(self.output)}>"
