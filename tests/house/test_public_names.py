"""The public names: flat, explicit, listed, documented, and loaded when first used."""

from __future__ import annotations

import ast
import enum
import importlib
import inspect
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

import asyncflow

ROOT = Path(__file__).parents[2]

PUBLIC = (
    "ArchiveRefused",
    "AsyncflowError",
    "AttemptKind",
    "AttemptRecord",
    "BlockingCall",
    "Calendar",
    "ClusterFailed",
    "ComparisonFailed",
    "Condition",
    "Config",
    "ConfigError",
    "Configuration",
    "CoreConfig",
    "CurrentJob",
    "Cycle",
    "CycleId",
    "CycleRecord",
    "DagPicture",
    "DataNode",
    "DataNodeConfig",
    "DataNodeDiff",
    "DataNodeId",
    "DataNodeIsBeingEdited",
    "DataNodeReadingError",
    "DataNodeRecord",
    "DataNodeWritingError",
    "DeletingPrimaryScenario",
    "DoesNotBelongToACycle",
    "Edit",
    "EntityCreated",
    "EntityDeleted",
    "EntityEvent",
    "EntityUpdated",
    "Event",
    "EventStream",
    "EventsLost",
    "ExportedScenario",
    "Frequency",
    "GanttPicture",
    "Input",
    "InsideWorker",
    "Job",
    "JobAttemptFailed",
    "JobConfig",
    "JobEvent",
    "JobFailed",
    "JobFinished",
    "JobId",
    "JobPending",
    "JobProgressed",
    "JobRecord",
    "JobStarted",
    "JoinOperator",
    "LabelRecord",
    "LineagePicture",
    "Listener",
    "MigrationFailed",
    "ModuleDiffers",
    "MongoDefaultDocument",
    "NoData",
    "NotCopied",
    "NotDeclared",
    "NotFound",
    "NotOpen",
    "NotPicklable",
    "Notification",
    "Operator",
    "Orchestrator",
    "OrchestratorFailed",
    "Origin",
    "Output",
    "PackageMissing",
    "Periods",
    "PlannedJob",
    "Preview",
    "Problem",
    "Progress",
    "Pruned",
    "Reason",
    "Reasons",
    "RecordDamaged",
    "RemoteTraceback",
    "Retry",
    "Scenario",
    "ScenarioConfig",
    "ScenarioDiff",
    "ScenarioId",
    "ScenarioRecord",
    "Scope",
    "Sequence",
    "SequenceId",
    "Statistics",
    "Status",
    "StoreFailed",
    "StoreUnavailable",
    "Submission",
    "SubmissionCanceled",
    "SubmissionFailed",
    "SubmissionFinished",
    "SubmissionId",
    "SubmissionInterrupted",
    "SubmissionRecord",
    "SubmissionStarted",
    "SubmissionStatus",
    "Submittable",
    "TakenOver",
    "Task",
    "TaskConfig",
    "TaskId",
    "UnauthorizedTag",
    "UnsupportedLoop",
    "Usage",
    "UsageError",
    "ValueInvalid",
    "ValueMissing",
    "WorkerInfo",
    "acting_as",
    "as_completed",
    "current_job",
    "progress",
    "register_by_value",
    "report",
    "task",
)
"""Every public name, sorted. Another one is a promise: it also needs CHANGELOG.md."""


def declared(text: str) -> dict[str, str]:
    """Read ``if TYPE_CHECKING: from .x import Y as Y`` as ``{"Y": "x"}``."""
    found = {}

    for node in ast.parse(text).body:
        if not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)):
            continue

        for inner in node.body:
            assert isinstance(inner, ast.ImportFrom), ast.unparse(inner)
            module = (inner.module or "").removeprefix("asyncflow").lstrip(".")

            for alias in inner.names:
                assert alias.asname == alias.name, f"write `{alias.name} as ...`"
                found[alias.name] = module

    return found


DECLARED = declared(Path(asyncflow.__file__).read_text(encoding="utf-8"))


def test_the_list() -> None:
    assert list(PUBLIC) == sorted(PUBLIC)
    assert sorted(DECLARED) == list(PUBLIC)


def test_all_and_dir_agree_with_it() -> None:
    assert sorted(asyncflow.__all__) == list(PUBLIC)

    # In a process of its own: here, names have been loaded already.
    command = [sys.executable, "-c", "import asyncflow; print(*dir(asyncflow))"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(PUBLIC) <= set(done.stdout.split())


def test_the_version_is_the_projects() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert asyncflow.__version__ == project["project"]["version"]


@pytest.mark.parametrize("name", PUBLIC)
def test_a_name_is_its_modules(name: str) -> None:
    module = importlib.import_module(f"asyncflow.{DECLARED[name]}")
    assert getattr(asyncflow, name) is getattr(module, name)


@pytest.mark.parametrize("name", PUBLIC)
def test_a_name_is_documented(name: str) -> None:
    thing = getattr(asyncflow, name)

    if not callable(thing) and not isinstance(thing, ModuleType):
        # A default instance, such as Config: what it is says its class.
        thing = type(thing)

    assert is_documented(thing), f"asyncflow.{name} has no docstring of its own"


def is_documented(thing: object) -> bool:
    if isinstance(thing, type):
        own = vars(thing).get("__doc__")
        inherited = enum.Enum.__doc__ if issubclass(thing, enum.Enum) else None
        return bool(own) and own != inherited

    return bool(inspect.getdoc(thing))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing_of_this_name"):
        asyncflow.nothing_of_this_name  # noqa: B018
