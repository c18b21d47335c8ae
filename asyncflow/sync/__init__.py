"""The blocking face: the same verbs for programs without an event loop.

::

    import asyncflow.sync as tp

    tp.Orchestrator().run()
    scenario = tp.create_scenario(scenario_cfg)
    scenario.submit(wait=True)
    print(scenario.my_output.read())

One orchestrator runs in a process, on an event loop in a thread of its own. Every handle
here wraps the one of the same name in `asyncflow`: its attributes are the same, its verbs
return when their work is done. Ctrl-C ends the waiting of a verb, not a run.

A verb can be called from any thread but that of the orchestrator's own event loop, where
it would wait for itself: `BlockingCall` names the form to await there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from asyncflow.config import Config as Config
from asyncflow.config import Scope as Scope
from asyncflow.config.checks.values import meant as _meant
from asyncflow.config.frequency import Frequency as Frequency
from asyncflow.filters import JoinOperator as JoinOperator
from asyncflow.filters import Operator as Operator
from asyncflow.ids import CycleId as CycleId
from asyncflow.ids import DataNodeId as DataNodeId
from asyncflow.ids import JobId as JobId
from asyncflow.ids import ScenarioId as ScenarioId
from asyncflow.ids import SequenceId as SequenceId
from asyncflow.ids import SubmissionId as SubmissionId
from asyncflow.ids import TaskId as TaskId
from asyncflow.status import Status as Status
from asyncflow.status import SubmissionStatus as SubmissionStatus
from asyncflow.sync.cycle import Cycle as Cycle
from asyncflow.sync.data_node import DataNode as DataNode
from asyncflow.sync.event_processor import EventProcessor as EventProcessor
from asyncflow.sync.handles import Input as Input
from asyncflow.sync.handles import Job as Job
from asyncflow.sync.handles import Output as Output
from asyncflow.sync.handles import Runnable as Submittable
from asyncflow.sync.handles import Sequence as Sequence
from asyncflow.sync.handles import Submission as Submission
from asyncflow.sync.handles import Task as Task
from asyncflow.sync.lists import get_cycles as get_cycles
from asyncflow.sync.lists import get_cycles_scenarios as get_cycles_scenarios
from asyncflow.sync.lists import get_data_nodes as get_data_nodes
from asyncflow.sync.lists import get_entities_by_config_id as get_entities_by_config_id
from asyncflow.sync.lists import get_jobs as get_jobs
from asyncflow.sync.lists import get_latest_job as get_latest_job
from asyncflow.sync.lists import get_latest_submission as get_latest_submission
from asyncflow.sync.lists import get_primary_scenarios as get_primary_scenarios
from asyncflow.sync.lists import get_scenarios as get_scenarios
from asyncflow.sync.lists import get_sequences as get_sequences
from asyncflow.sync.lists import get_submissions as get_submissions
from asyncflow.sync.lists import get_tasks as get_tasks
from asyncflow.sync.lists import get_versions as get_versions
from asyncflow.sync.notification import Event as Event
from asyncflow.sync.notification import EventEntityType as EventEntityType
from asyncflow.sync.notification import EventOperation as EventOperation
from asyncflow.sync.notification import Notifier as Notifier
from asyncflow.sync.orchestrator import Orchestrator as Orchestrator
from asyncflow.sync.scenario import Scenario as Scenario
from asyncflow.sync.verbs import can_create as can_create
from asyncflow.sync.verbs import cancel as cancel
from asyncflow.sync.verbs import cancel_job as cancel_job
from asyncflow.sync.verbs import clean_all_entities as clean_all_entities
from asyncflow.sync.verbs import compare_scenarios as compare_scenarios
from asyncflow.sync.verbs import create_global_data_node as create_global_data_node
from asyncflow.sync.verbs import create_scenario as create_scenario
from asyncflow.sync.verbs import delete as delete
from asyncflow.sync.verbs import delete_job as delete_job
from asyncflow.sync.verbs import delete_jobs as delete_jobs
from asyncflow.sync.verbs import diff_scenarios as diff_scenarios
from asyncflow.sync.verbs import duplicate_scenario as duplicate_scenario
from asyncflow.sync.verbs import exists as exists
from asyncflow.sync.verbs import get as get
from asyncflow.sync.verbs import get_parents as get_parents
from asyncflow.sync.verbs import get_primary as get_primary
from asyncflow.sync.verbs import import_scenario as import_scenario
from asyncflow.sync.verbs import is_deletable as is_deletable
from asyncflow.sync.verbs import is_editable as is_editable
from asyncflow.sync.verbs import is_promotable as is_promotable
from asyncflow.sync.verbs import is_readable as is_readable
from asyncflow.sync.verbs import is_submittable as is_submittable
from asyncflow.sync.verbs import prune as prune
from asyncflow.sync.verbs import run as run
from asyncflow.sync.verbs import set as set  # noqa: A004  # as Taipy calls it
from asyncflow.sync.verbs import set_primary as set_primary
from asyncflow.sync.verbs import stop as stop
from asyncflow.sync.verbs import submit as submit
from asyncflow.sync.verbs import subscribe_scenario as subscribe_scenario
from asyncflow.sync.verbs import subscribe_sequence as subscribe_sequence
from asyncflow.sync.verbs import tag as tag
from asyncflow.sync.verbs import unsubscribe_scenario as unsubscribe_scenario
from asyncflow.sync.verbs import unsubscribe_sequence as unsubscribe_sequence
from asyncflow.sync.verbs import untag as untag

__all__ = [
    "Config",
    "Cycle",
    "CycleId",
    "DataNode",
    "DataNodeId",
    "Event",
    "EventEntityType",
    "EventOperation",
    "EventProcessor",
    "Frequency",
    "Input",
    "Job",
    "JobId",
    "JoinOperator",
    "Notifier",
    "Operator",
    "Orchestrator",
    "Output",
    "Scenario",
    "ScenarioId",
    "Scope",
    "Sequence",
    "SequenceId",
    "Status",
    "Submission",
    "SubmissionId",
    "SubmissionStatus",
    "Submittable",
    "Task",
    "TaskId",
    "can_create",
    "cancel",
    "cancel_job",
    "clean_all_entities",
    "compare_scenarios",
    "create_global_data_node",
    "create_scenario",
    "delete",
    "delete_job",
    "delete_jobs",
    "diff_scenarios",
    "duplicate_scenario",
    "exists",
    "get",
    "get_cycles",
    "get_cycles_scenarios",
    "get_data_nodes",
    "get_entities_by_config_id",
    "get_jobs",
    "get_latest_job",
    "get_latest_submission",
    "get_parents",
    "get_primary",
    "get_primary_scenarios",
    "get_scenarios",
    "get_sequences",
    "get_submissions",
    "get_tasks",
    "get_versions",
    "import_scenario",
    "is_deletable",
    "is_editable",
    "is_promotable",
    "is_readable",
    "is_submittable",
    "prune",
    "run",
    "set",
    "set_primary",
    "stop",
    "submit",
    "subscribe_scenario",
    "subscribe_sequence",
    "tag",
    "unsubscribe_scenario",
    "unsubscribe_sequence",
    "untag",
]


if not TYPE_CHECKING:  # or each name would be one that is there

    def __getattr__(name: str) -> NoReturn:
        from asyncflow.sync.remedies import of_taipy

        hint = of_taipy(name)

        if not hint and not name.startswith("_"):
            hint = _meant(name, __all__).strip()

        hint = hint and f": {hint}"
        raise AttributeError(f"module 'asyncflow.sync' has no attribute {name!r}{hint}")
