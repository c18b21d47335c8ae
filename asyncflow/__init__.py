"""Run scenarios, graphs of Python functions, from any asyncio program.

::

    import anyio
    from asyncflow import Config, Orchestrator

    def double(nb):
        return nb * 2

    number = Config.configure_data_node("number", default_data=21)
    doubled = Config.configure_data_node("doubled")
    task = Config.configure_task("double", double, number, doubled)
    doubling = Config.configure_scenario("doubling", task)
    Config.configure_job_executions(mode="standalone", max_nb_of_workers=2)

    async def main():
        async with Orchestrator() as orchestrator:
            scenario = await orchestrator.create_scenario(doubling)
            await scenario.submit()
            print(await scenario.doubled.read())  # 42

    anyio.run(main)

Begin with `Config` and `Orchestrator`; then `Submission` and `Job` say what became of a
run. `asyncflow.sync` has the same verbs for programs without an event loop,
`asyncflow.testing` fixtures of pytest, `asyncflow.otel` spans. ``CONTRIBUTING.md`` shows
how the package is built.
"""

# Workers import this too: the names below are loaded when they are first asked for.

from __future__ import annotations

from importlib import import_module
from sys import modules as _modules
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncflow.abc.executor import WorkerInfo as WorkerInfo
    from asyncflow.acting import acting_as as acting_as
    from asyncflow.config import Config as Config
    from asyncflow.config import Configuration as Configuration
    from asyncflow.config import CoreConfig as CoreConfig
    from asyncflow.config import DataNodeConfig as DataNodeConfig
    from asyncflow.config import JobConfig as JobConfig
    from asyncflow.config import Retry as Retry
    from asyncflow.config import ScenarioConfig as ScenarioConfig
    from asyncflow.config import Scope as Scope
    from asyncflow.config import TaskConfig as TaskConfig
    from asyncflow.config.decorator import task as task
    from asyncflow.config.frequency import Calendar as Calendar
    from asyncflow.config.frequency import Frequency as Frequency
    from asyncflow.config.frequency import Periods as Periods
    from asyncflow.config.layers import Origin as Origin
    from asyncflow.display.picture import DagPicture as DagPicture
    from asyncflow.display.picture import GanttPicture as GanttPicture
    from asyncflow.display.picture import LineagePicture as LineagePicture
    from asyncflow.drivers.mongo_collection import (
        MongoDefaultDocument as MongoDefaultDocument,
    )
    from asyncflow.entities.as_completed import as_completed as as_completed
    from asyncflow.entities.cycle import Cycle as Cycle
    from asyncflow.entities.data_node import DataNode as DataNode
    from asyncflow.entities.difference import DataNodeDiff as DataNodeDiff
    from asyncflow.entities.difference import ScenarioDiff as ScenarioDiff
    from asyncflow.entities.edits import Edit as Edit
    from asyncflow.entities.exported import ExportedScenario as ExportedScenario
    from asyncflow.entities.job import Input as Input
    from asyncflow.entities.job import Job as Job
    from asyncflow.entities.job import Output as Output
    from asyncflow.entities.planned import PlannedJob as PlannedJob
    from asyncflow.entities.reasons import Reason as Reason
    from asyncflow.entities.reasons import Reasons as Reasons
    from asyncflow.entities.scenario import Scenario as Scenario
    from asyncflow.entities.sequence import Sequence as Sequence
    from asyncflow.entities.statistics import Statistics as Statistics
    from asyncflow.entities.submission import Submission as Submission
    from asyncflow.entities.submittable import Submittable as Submittable
    from asyncflow.entities.task import Task as Task
    from asyncflow.errors import ArchiveRefused as ArchiveRefused
    from asyncflow.errors import AsyncflowError as AsyncflowError
    from asyncflow.errors import BlockingCall as BlockingCall
    from asyncflow.errors import ClusterFailed as ClusterFailed
    from asyncflow.errors import ComparisonFailed as ComparisonFailed
    from asyncflow.errors import ConfigError as ConfigError
    from asyncflow.errors import DataNodeIsBeingEdited as DataNodeIsBeingEdited
    from asyncflow.errors import DataNodeReadingError as DataNodeReadingError
    from asyncflow.errors import DataNodeWritingError as DataNodeWritingError
    from asyncflow.errors import DeletingPrimaryScenario as DeletingPrimaryScenario
    from asyncflow.errors import DoesNotBelongToACycle as DoesNotBelongToACycle
    from asyncflow.errors import EventsLost as EventsLost
    from asyncflow.errors import InsideWorker as InsideWorker
    from asyncflow.errors import JobFailed as JobFailed
    from asyncflow.errors import MigrationFailed as MigrationFailed
    from asyncflow.errors import ModuleDiffers as ModuleDiffers
    from asyncflow.errors import NoData as NoData
    from asyncflow.errors import NotCopied as NotCopied
    from asyncflow.errors import NotDeclared as NotDeclared
    from asyncflow.errors import NotFound as NotFound
    from asyncflow.errors import NotOpen as NotOpen
    from asyncflow.errors import NotPicklable as NotPicklable
    from asyncflow.errors import OrchestratorFailed as OrchestratorFailed
    from asyncflow.errors import PackageMissing as PackageMissing
    from asyncflow.errors import Problem as Problem
    from asyncflow.errors import RecordDamaged as RecordDamaged
    from asyncflow.errors import RemoteTraceback as RemoteTraceback
    from asyncflow.errors import StoreFailed as StoreFailed
    from asyncflow.errors import StoreUnavailable as StoreUnavailable
    from asyncflow.errors import SubmissionCanceled as SubmissionCanceled
    from asyncflow.errors import SubmissionFailed as SubmissionFailed
    from asyncflow.errors import SubmissionInterrupted as SubmissionInterrupted
    from asyncflow.errors import TakenOver as TakenOver
    from asyncflow.errors import UnauthorizedTag as UnauthorizedTag
    from asyncflow.errors import UnsupportedLoop as UnsupportedLoop
    from asyncflow.errors import UsageError as UsageError
    from asyncflow.errors import ValueInvalid as ValueInvalid
    from asyncflow.errors import ValueMissing as ValueMissing
    from asyncflow.events import EntityCreated as EntityCreated
    from asyncflow.events import EntityDeleted as EntityDeleted
    from asyncflow.events import EntityEvent as EntityEvent
    from asyncflow.events import EntityUpdated as EntityUpdated
    from asyncflow.events import Event as Event
    from asyncflow.events import JobAttemptFailed as JobAttemptFailed
    from asyncflow.events import JobEvent as JobEvent
    from asyncflow.events import JobFinished as JobFinished
    from asyncflow.events import JobPending as JobPending
    from asyncflow.events import JobProgressed as JobProgressed
    from asyncflow.events import JobStarted as JobStarted
    from asyncflow.events import SubmissionFinished as SubmissionFinished
    from asyncflow.events import SubmissionStarted as SubmissionStarted
    from asyncflow.filters import Condition as Condition
    from asyncflow.filters import JoinOperator as JoinOperator
    from asyncflow.filters import Operator as Operator
    from asyncflow.ids import CycleId as CycleId
    from asyncflow.ids import DataNodeId as DataNodeId
    from asyncflow.ids import JobId as JobId
    from asyncflow.ids import ScenarioId as ScenarioId
    from asyncflow.ids import SequenceId as SequenceId
    from asyncflow.ids import SubmissionId as SubmissionId
    from asyncflow.ids import TaskId as TaskId
    from asyncflow.notify.listener import Listener as Listener
    from asyncflow.notify.listener import Notification as Notification
    from asyncflow.notify.stream import EventStream as EventStream
    from asyncflow.orchestrator import Orchestrator as Orchestrator
    from asyncflow.records import AttemptRecord as AttemptRecord
    from asyncflow.records import CycleRecord as CycleRecord
    from asyncflow.records import DataNodeRecord as DataNodeRecord
    from asyncflow.records import JobRecord as JobRecord
    from asyncflow.records import LabelRecord as LabelRecord
    from asyncflow.records import Pruned as Pruned
    from asyncflow.records import ScenarioRecord as ScenarioRecord
    from asyncflow.records import SubmissionRecord as SubmissionRecord
    from asyncflow.selection import Preview as Preview
    from asyncflow.status import AttemptKind as AttemptKind
    from asyncflow.status import Status as Status
    from asyncflow.status import SubmissionStatus as SubmissionStatus
    from asyncflow.worker.by_value import register_by_value as register_by_value
    from asyncflow.worker.current import CurrentJob as CurrentJob
    from asyncflow.worker.current import Progress as Progress
    from asyncflow.worker.current import current_job as current_job
    from asyncflow.worker.current import progress as progress
    from asyncflow.worker.current import report as report
    from asyncflow.worker.outcome import Usage as Usage

_HOMES = {
    "abc.executor": "WorkerInfo",
    "config": "Config Configuration CoreConfig DataNodeConfig JobConfig Retry ScenarioConfig "
    "Scope TaskConfig",
    "config.decorator": "task",
    "config.frequency": "Calendar Frequency Periods",
    "config.layers": "Origin",
    "drivers.mongo_collection": "MongoDefaultDocument",
    "acting": "acting_as",
    "entities.as_completed": "as_completed",
    "display.picture": "DagPicture GanttPicture LineagePicture",
    "entities.cycle": "Cycle",
    "entities.data_node": "DataNode",
    "entities.edits": "Edit",
    "entities.job": "Input Job Output",
    "entities.planned": "PlannedJob",
    "entities.reasons": "Reason Reasons",
    "entities.scenario": "Scenario",
    "entities.sequence": "Sequence",
    "entities.statistics": "Statistics",
    "entities.submission": "Submission",
    "entities.submittable": "Submittable",
    "entities.task": "Task",
    "entities.difference": "DataNodeDiff ScenarioDiff",
    "entities.exported": "ExportedScenario",
    "errors": "ArchiveRefused AsyncflowError BlockingCall ClusterFailed ComparisonFailed ConfigError DataNodeIsBeingEdited "
    "DataNodeReadingError DataNodeWritingError DeletingPrimaryScenario DoesNotBelongToACycle EventsLost InsideWorker JobFailed MigrationFailed ModuleDiffers NoData "
    "NotCopied NotDeclared NotFound NotOpen NotPicklable OrchestratorFailed PackageMissing Problem RecordDamaged "
    "RemoteTraceback StoreFailed StoreUnavailable SubmissionCanceled SubmissionFailed "
    "SubmissionInterrupted TakenOver UnauthorizedTag UnsupportedLoop UsageError ValueInvalid "
    "ValueMissing",
    "events": "EntityCreated EntityDeleted EntityEvent EntityUpdated Event JobAttemptFailed JobEvent JobFinished JobPending JobProgressed "
    "JobStarted SubmissionFinished SubmissionStarted",
    "ids": "CycleId DataNodeId JobId ScenarioId SequenceId SubmissionId TaskId",
    "filters": "Condition JoinOperator Operator",
    "orchestrator": "Orchestrator",
    "records": "AttemptRecord CycleRecord DataNodeRecord JobRecord LabelRecord Pruned ScenarioRecord SubmissionRecord",
    "notify.listener": "Listener Notification",
    "notify.stream": "EventStream",
    "selection": "Preview",
    "status": "AttemptKind Status SubmissionStatus",
    "worker.by_value": "register_by_value",
    "worker.current": "CurrentJob Progress current_job progress report",
    "worker.outcome": "Usage",
}
_HOME = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = list(_HOME)  # pyright: ignore[reportUnsupportedDunderAll]  # a test holds it
__version__ = "0.1.0"


_FACES = ("otel", "sync", "testing", "web")
"""Modules that are attributes too, loaded when they are first asked for."""


def _meant(name: str) -> str:
    from asyncflow.config.checks.values import meant

    hint = meant(name, __all__).strip()
    return hint and f": {hint}"


def __getattr__(name: str) -> object:
    if name in _FACES:
        return import_module(f"asyncflow.{name}")

    home = _HOME.get(name)

    if home is None:
        hint = _meant(name) if name[:1].isupper() else ""  # others may be modules
        raise AttributeError(f"module 'asyncflow' has no attribute {name!r}{hint}")

    from asyncflow.gc_pause import pause_gc

    with pause_gc():
        value = getattr(import_module(f"asyncflow.{home}"), name)

    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_FACES})


if "IPython" in _modules:  # its lists of ours are tables
    import_module("asyncflow.entities.tables").register()
