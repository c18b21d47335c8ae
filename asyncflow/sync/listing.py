"""Handles of what lists tell: each is brought back from the store when more is asked of
it than the list has told.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any, ClassVar, NamedTuple, TypeVar

from asyncflow import ids
from asyncflow.entities.handle import Parents
from asyncflow.entities.sequence import sequence_names
from asyncflow.records import (
    CycleRecord,
    DataNodeRecord,
    JobRecord,
    ScenarioRecord,
    SubmissionRecord,
)
from asyncflow.runs.task import id_of, owner_of
from asyncflow.status import FINAL, Status, SubmissionStatus
from asyncflow.sync.cycle import Cycle
from asyncflow.sync.data_node import DataNode
from asyncflow.sync.forwarding import Handle, Listed
from asyncflow.sync.handles import Job, Sequence, Submission, Task
from asyncflow.sync.loop import Loop
from asyncflow.sync.scenario import Scenario

H = TypeVar("H", bound=Handle[Any])


def _names(names: str) -> frozenset[str]:
    return frozenset(names.split())


class ListedScenario(Listed):
    """A scenario."""

    __slots__ = ()

    fixed: ClassVar[frozenset[str]] = _names("id config_id creation_date owner_id")
    changing: ClassVar[frozenset[str]] = _names("name properties tags")

    @property
    def owner_id(self) -> str | None:
        """The id of its cycle."""
        cycle_id: str | None = self.record.cycle_id
        return cycle_id

    @property
    def tags(self) -> frozenset[str]:
        """Its tags."""
        return frozenset(self.record.tags)


class ListedCycle(Listed):
    """A cycle."""

    __slots__ = ()

    fixed: ClassVar[frozenset[str]] = _names(
        "id frequency start_date end_date creation_date"
    )
    changing: ClassVar[frozenset[str]] = _names("name")


class ListedDataNode(Listed):
    """A data node."""

    __slots__ = ()

    fixed: ClassVar[frozenset[str]] = _names("id config_id owner_id")


class PartRecord(NamedTuple):
    """A task or a sequence of a scenario that is not brought back."""

    id: str
    name: str
    """The id of its config; of a sequence, its name."""
    owner_id: str | None
    """The id of its scenario, or what tells who shares it; see `asyncflow.Task`."""
    scenario_id: str
    """The id of its scenario."""


class ListedPart(Listed):
    """A task or a sequence."""

    __slots__ = ()

    fixed: ClassVar[frozenset[str]] = _names("id name config_id owner_id scenario_id")

    @property
    def config_id(self) -> str:
        """The id of the config of a task."""
        name: str = self.record.name
        return name


class ListedSubmission(Listed):
    """A submission that has not ended, as far as the store was told."""

    __slots__ = ()

    fixed: ClassVar[frozenset[str]] = _names("id entity_id submitted_at")


class EndedSubmission(Listed):
    """A submission that has ended."""

    __slots__ = ()

    fixed: ClassVar[frozenset[str]] = ListedSubmission.fixed | _names(
        "finished_at properties force on_failure priority run_timeout status is_finished"
    )
    is_finished: ClassVar[bool] = True

    @property
    def status(self) -> SubmissionStatus:
        """Its status."""
        return SubmissionStatus(self.record.status)


class ListedJob(Listed):
    """A job that has not ended, as far as the store was told."""

    __slots__ = ()

    fixed: ClassVar[frozenset[str]] = _names("id name config_id")

    @property
    def name(self) -> str:
        """The id of the config of its task."""
        return ids.config_of(self.record.id)

    @property
    def config_id(self) -> str:
        """The same."""
        return self.name


class EndedJob(ListedJob):
    """A job that has ended."""

    __slots__ = ()

    fixed: ClassVar[frozenset[str]] = ListedJob.fixed | _names(
        "reason run_at finished_at attempts status is_finished stacktrace"
    )
    is_finished: ClassVar[bool] = True

    @property
    def status(self) -> Status:
        """Its status."""
        return Status(self.record.status)

    @property
    def stacktrace(self) -> str:
        """The traceback of its failure."""
        traceback: str = self.record.traceback
        return traceback


def scenarios(records: Iterable[ScenarioRecord], loop: Loop) -> list[Scenario]:
    """Make handles of scenarios."""
    return _made(Scenario, ListedScenario, records, loop)


def cycles(records: Iterable[CycleRecord], loop: Loop) -> list[Cycle]:
    """Make handles of cycles."""
    return _made(Cycle, ListedCycle, records, loop)


def data_nodes(records: Iterable[DataNodeRecord], loop: Loop) -> list[DataNode]:
    """Make handles of data nodes."""
    return _made(DataNode, ListedDataNode, records, loop)


def submissions(records: Iterable[SubmissionRecord], loop: Loop) -> list[Submission]:
    """Make handles of submissions."""
    return [
        _one(
            Submission,
            ListedSubmission if record.finished is None else EndedSubmission,
            record,
            loop,
        )
        for record in records
    ]


def jobs(records: Iterable[JobRecord], loop: Loop) -> list[Job]:
    """Make handles of jobs."""
    return [
        _one(Job, EndedJob if record.status in FINAL else ListedJob, record, loop)
        for record in records
    ]


def tasks(records: Iterable[ScenarioRecord], loop: Loop) -> list[Task]:
    """Make handles of the tasks of scenarios: one of what several of them share."""
    found: dict[str, Task] = {}
    configs = loop.orchestrator.config.scenarios

    for record in records:
        config = configs.get(record.config_id)

        if config is None:  # the store knows what it had
            (scenario,) = scenarios([record], loop)
            found |= {task.id: task for task in scenario.tasks.values()}
            continue

        for task in config.task_configs:
            task_id = id_of(task, record.id, record.cycle_id)

            if task_id not in found:
                owner_id = owner_of(task_id, record.id)
                part = PartRecord(task_id, task.id, owner_id, record.id)
                found[task_id] = _one(Task, ListedPart, part, loop)

    return [*found.values()]


def sequences(records: Iterable[ScenarioRecord], loop: Loop) -> list[Sequence]:
    """Make handles of the sequences of scenarios."""
    found: list[Sequence] = []
    configs = loop.orchestrator.config.scenarios

    for record in records:
        config = configs.get(record.config_id)

        if config is None:
            (scenario,) = scenarios([record], loop)
            found += scenario.sequences.values()
            continue

        parts = (
            PartRecord(ids.of_sequence(name, record.id), name, record.id, record.id)
            for name in sequence_names(config, record.sequences)
        )
        found += _made(Sequence, ListedPart, parts, loop)

    return found


def parents_of_shared(part: DataNode | Task, loop: Loop) -> Parents:
    """Return what a data node, or a task, is a part of that scenarios share: none of these
    is brought back.
    """
    name, is_task = part.config_id, isinstance(part, Task)
    found: dict[str, set[Any]] = {"scenario": set(), "sequence": set(), "task": set()}

    for config in loop.orchestrator.config.scenarios.values():
        parts = config.task_configs if is_task else config.data_node_configs

        if all(part.id != name for part in parts):
            continue

        records = loop.call(
            loop.orchestrator.scenarios,
            config_id=config.id,
            cycle=part.owner_id,
            version=None,
        )
        using = {
            task.id
            for task in config.task_configs
            if name in (task.id, *(node.id for node in (*task.input, *task.output)))
        }
        found["scenario"].update(scenarios(records, loop))

        if not is_task:
            found["task"].update(
                task for task in tasks(records, loop) if task.config_id in using
            )

        found["sequence"].update(_with_tasks(records, loop, using))

    return {kind: some for kind, some in found.items() if some}


def _with_tasks(
    records: Iterable[ScenarioRecord], loop: Loop, using: Collection[str]
) -> Iterator[Sequence]:
    """Give the sequences of scenarios that have one of some tasks."""
    for record in records:
        config = loop.orchestrator.config.scenarios[record.config_id]
        names = {
            name: [task.id for task in config.sequences[name]]
            if (kept := record.sequences.get(name)) is None
            else kept["tasks"]
            for name in sequence_names(config, record.sequences)
        }

        for sequence in sequences([record], loop):
            if not set(names[sequence.name]).isdisjoint(using):
                yield sequence


def _made(
    kind: type[H], listed: type[Listed], records: Iterable[Any], loop: Loop
) -> list[H]:
    return [_one(kind, listed, record, loop) for record in records]


def _one(kind: type[H], listed: type[Listed], record: Any, loop: Loop) -> H:
    return kind(listed(record, loop.changes), loop)
