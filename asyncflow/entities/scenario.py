"""Scenarios: instances of a scenario config."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import attrs

from asyncflow.config.sections import ScenarioConfig
from asyncflow.entities.dag import Dag
from asyncflow.entities.data_node import DataNode
from asyncflow.entities.engine import Engine, OnFailure
from asyncflow.entities.planned import PlannedJob
from asyncflow.entities.sequence import Sequence
from asyncflow.entities.task import Task
from asyncflow.records import ScenarioRecord

if TYPE_CHECKING:
    from asyncflow.entities.submission import Submission


@attrs.define(eq=False, repr=False)
class Scenario:
    """An instance of a scenario config: its tasks and its data nodes.

    Each of them is an attribute too, under the id of its config:
    ``scenario.my_output``. The same holds for sequences, under their names.
    """

    id: str
    config: ScenarioConfig
    dag: Dag
    """The graph of its tasks."""
    name: str | None
    creation_date: datetime
    """When it was created, in UTC."""
    properties: Mapping[str, Any]
    """The user's own values: the config's, and those given at creation."""
    tasks: Mapping[str, Task]
    """Its tasks, by config id."""
    data_nodes: Mapping[str, DataNode]
    """Its data nodes, by config id: those of its tasks and the additional ones."""
    sequences: Mapping[str, Sequence]
    """Its sequences, by name."""
    _engine: Engine

    @property
    def config_id(self) -> str:
        """The id of its config."""
        return self.config.id

    @property
    def additional_data_nodes(self) -> Mapping[str, DataNode]:
        """The data nodes that no task uses, by config id."""
        configs = self.config.additional_data_node_configs
        return {config.id: self.data_nodes[config.id] for config in configs}

    def submit(
        self,
        *,
        timeout: float | None = None,
        force: bool = False,
        on_failure: OnFailure = "continue",
        **properties: Any,
    ) -> Submission:
        """Start a run of all tasks; return its handle at once.

        ``await`` the handle to wait for the end.

        :param timeout: how many seconds ``await`` waits before `TimeoutError`, while
            the jobs go on; None waits as long as it takes
        :param force: run what could be skipped too
        :param on_failure: ``"continue"`` runs what does not need a failed job,
            ``"stop"`` cancels the rest of the run
        :param properties: the user's own values, kept with the submission
        :raises NoData: where an input was never written, and nothing will write it
        :raises NotPicklable: where a function cannot travel to a worker
        :raises NotOpen: where the orchestrator is closed
        """
        return self._engine.submit(
            self,
            timeout=timeout,
            force=force,
            on_failure=on_failure,
            properties=properties,
        )

    def plan(self, *, force: bool = False) -> tuple[PlannedJob, ...]:
        """Say what a run would do with each task, and why, as things are now.

        :param force: as `submit` has it
        :raises NotPicklable: where a function cannot travel to a worker
        """
        return self._engine.plan(self, force=force)

    def record(self) -> ScenarioRecord:
        """Return its facts."""
        return ScenarioRecord(
            self.id,
            self.config_id,
            self.name,
            self.creation_date.timestamp(),
            self.properties,
        )

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_"):
            for kind in (self.sequences, self.tasks, self.data_nodes):
                if name in kind:
                    return kind[name]

            raise AttributeError(
                f"scenario {self.config_id!r} has no sequence, task or data node {name!r}"
            )

        raise AttributeError(name)

    def __dir__(self) -> list[str]:
        parts = (self.sequences, self.tasks, self.data_nodes)
        return [*super().__dir__(), *(name for part in parts for name in part)]

    def __repr__(self) -> str:
        label = f"{self.name!r} " if self.name else ""
        return f"<Scenario {self.config_id} {label}of {self.creation_date:%F %T}>"
