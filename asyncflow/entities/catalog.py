"""The catalog: makes the entities of an orchestrator, and finds them again."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import attrs
from anyio import to_thread

from asyncflow.abc import Driver
from asyncflow.config.sections import DataNodeConfig, ScenarioConfig, Scope, TaskConfig
from asyncflow.entities.dag import Dag
from asyncflow.entities.data_node import DataNode
from asyncflow.entities.engine import Engine
from asyncflow.entities.job import Job
from asyncflow.entities.scenario import Scenario
from asyncflow.entities.sequence import Sequence
from asyncflow.entities.submission import Submission
from asyncflow.entities.submittable import Submittable
from asyncflow.entities.task import Task
from asyncflow.errors import NotFound


@attrs.define(eq=False)
class Catalog:
    """Every scenario and submission, and the data nodes that scenarios share.

    :param engine: what the entities' verbs ask
    :param driver: gives the driver of a data node
    """

    engine: Engine
    driver: Callable[[DataNodeConfig], Driver]
    submissions: dict[str, Submission] = attrs.field(init=False, factory=dict)
    """All submissions, by id."""
    _scenarios: dict[str, Scenario] = attrs.field(init=False, factory=dict)
    _shared: dict[str, DataNode] = attrs.field(init=False, factory=dict)
    _dags: dict[ScenarioConfig, Dag] = attrs.field(init=False, factory=dict)

    def get(self, entity_id: str) -> Scenario | Submission:
        """Return a scenario or a submission.

        :raises NotFound: where none has this id
        """
        entity = self._scenarios.get(entity_id) or self.submissions.get(entity_id)

        if entity is None:
            raise NotFound(entity_id)

        return entity

    def add(self, scenario: Scenario) -> None:
        """Take a scenario, once its default data is written."""
        self._scenarios[scenario.id] = scenario

    async def prepare(self, config: ScenarioConfig) -> None:
        """Build the graph of a config where that holds up nobody."""
        if config not in self._dags:
            self._dags[config] = await to_thread.run_sync(Dag.of, config.task_configs)

    def make_scenario(
        self,
        config: ScenarioConfig,
        creation_date: datetime | None,
        name: str | None,
        properties: Mapping[str, Any],
    ) -> Scenario:
        """Make a scenario; its data nodes have no version yet, unless they are shared.

        :param config: one that was prepared
        """
        date = _aware(creation_date)
        key = uuid.uuid4().hex
        scenario_id = f"SCENARIO_{config.id}_{key}"
        nodes = {
            node.id: self._node(node, key, scenario_id)
            for node in config.data_node_configs
        }
        tasks = {task.id: self._task(task, key, nodes) for task in config.task_configs}
        return Scenario(
            id=scenario_id,
            config=config,
            dag=self._dags[config],
            name=name,
            creation_date=date,
            properties={**config.properties, **properties},
            tasks=tasks,
            data_nodes=nodes,
            sequences={
                label: Sequence(
                    id=f"SEQUENCE_{label}_{scenario_id}",
                    name=label,
                    owner_id=scenario_id,
                    tasks={task.id: tasks[task.id] for task in part},
                    engine=self.engine,
                )
                for label, part in config.sequences.items()
            },
            engine=self.engine,
        )

    def make_submission(
        self,
        entity: Submittable,
        timeout: float | None,
        properties: Mapping[str, Any],
    ) -> Submission:
        """Make a submission with its jobs, in an order in which they can run."""
        tasks = entity.tasks
        submission = Submission(
            key=uuid.uuid4().hex,
            entity=entity,
            dag=entity.dag,
            engine=self.engine,
            timeout=timeout,
            properties=dict(properties),
            submitted_at=datetime.now(UTC).timestamp(),
        )
        submission.started(
            Job(task=tasks[config.id], submission=submission, index=index)
            for index, config in enumerate(submission.dag.tasks)
        )
        return submission

    def _node(self, config: DataNodeConfig, key: str, scenario_id: str) -> DataNode:
        """Return the data node of a config: a new one, or the one that is shared."""
        if config.scope is not Scope.SCENARIO and config.id in self._shared:
            return self._shared[config.id]

        own = config.scope is Scope.SCENARIO
        node = DataNode(
            id=f"DATANODE_{config.id}_{key}",
            config=config,
            owner_id=scenario_id if own else None,
            driver=self.driver(config),
            engine=self.engine,
        )

        if not own:
            self._shared[config.id] = node

        return node

    def _task(
        self, config: TaskConfig, key: str, nodes: Mapping[str, DataNode]
    ) -> Task:
        return Task(
            id=f"TASK_{config.id}_{key}",
            config=config,
            input={node.id: nodes[node.id] for node in config.input},
            output={node.id: nodes[node.id] for node in config.output},
            engine=self.engine,
        )


def _aware(date: datetime | None) -> datetime:
    if date is None:
        return datetime.now(UTC)

    if date.tzinfo is None:
        raise ValueError(
            f"creation_date {date} has no time zone: use datetime.now(timezone.utc), or "
            "date.astimezone()"
        )

    return date
