"""What the JSON of each command has: other programs read it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from asyncflow.cli.group import COMMANDS
from tests.support.command import answer

JOB = {
    *("id", "task_id", "task", "submission_id", "status", "reason", "run_at"),
    *("finished_at", "traceback", "attempts", "cpu_seconds", "peak_rss", "worker"),
}
SUBMISSION = {
    *("id", "entity_id", "scenario_id", "orchestrator_id", "status", "submitted_at"),
    *("finished_at", "reason", "force", "on_failure", "priority", "run_timeout"),
    *("waits", "is_paused", "properties", "tasks", "jobs"),
}
SCENARIO = {
    *("id", "config_id", "name", "creation_date", "properties", "tags", "revision"),
    *("cycle_id", "sequences", "version"),
}
RUN = {"id", "scenario_id", "status", "duration", "counts", "jobs"}
DIFF = {
    *("is_same", "one_id", "other_id", "attributes", "data_nodes", "only", "same"),
    "unknown",
}
STORE = {
    *("store", "damaged", "scenarios", "submissions", "jobs", "data_nodes"),
    *("versions", "logs", "missing_files", "lost_files"),
}
GC = {
    *("dry_run", "submissions", "jobs", "logs", "freed_bytes", "files", "file_bytes"),
}
NODE = {
    *("id", "config_id", "owner_id", "editor_id", "editor_expiration_date"),
    *("directory", "attributes", "revision", "versions"),
}

CALLS: dict[str, set[str]] = {
    "run flows:sales": RUN,
    "list": SUBMISSION | {"config_id", "name"},
    "list scenarios": SCENARIO | {"last_submission_id", "last_status"},
    "list jobs": JOB | {"duration"},
    "show": SUBMISSION,
    "show JOB_total": JOB | {"has_output"},
    "show SCENARIO_sales": SCENARIO | {"data_nodes", "submissions"},
    "show DATANODE_result": NODE,
    "logs": {"job_id", "task", "line"},
    "plan flows:sales": {
        *("step", "task", "runs", "reason", "reads", "writes", "last_duration"),
    },
    "graph last": {"title", "tasks"},
    "retry last -m flows": RUN,
    "retry last --dry-run": {"id", "would"},
    "delete last --dry-run": {"id", "would"},
    "delete last": {"id", "error"},
    "diff SCENARIO_sales SCENARIO_bad": DIFF,
    "replay JOB_total -m flows": {"id", "reads", "returned", "traceback", "duration"},
    "report": {"id", "file"},
    "config show flows": {"name", "value", "origin"},
    "config export flows -o out.toml": {"file"},
    "gc --keep 1 --dry-run": GC,
    "store check": STORE,
    "store backup copy.db": {"store", "values", "files", "gone", "missing"},
    "store migrate": {"store", "before", "after"},
}
NOTHING = ("cancel last", "pause last", "resume last", "config check flows")
ELSEWHERE = {"compare", "ui", "completion"}
"""The keys of `compare` are those of the user; the others answer nobody in JSON."""


def test_every_command_is_called() -> None:
    called = {call.split()[0] for call in (*CALLS, *NOTHING)}
    assert called | ELSEWHERE == {*COMMANDS}


@pytest.mark.parametrize("call", CALLS)
def test_the_keys_of_a_command_stay(folder: Path, call: str) -> None:
    fails = call == "retry last -m flows"
    found: Any = answer(*call.split(), code=1 if fails else 0)
    assert {*(found[0] if isinstance(found, list) else found)} == CALLS[call]


@pytest.mark.parametrize("call", NOTHING)
def test_nothing_is_an_empty_list(folder: Path, call: str) -> None:
    assert answer(*call.split()) == []
