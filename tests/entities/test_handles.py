"""What users hold shows users' names alone, and the documentation tells of each."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import asyncflow
from asyncflow import (
    Cycle,
    DataNode,
    Input,
    Job,
    Output,
    Scenario,
    Sequence,
    Submission,
    Task,
)

DOCS = Path(__file__).parents[2] / "docs"

SUBMITTABLE = (
    *("data_nodes_being_edited", "get_inputs", "get_intermediate", "get_outputs"),
    "is_ready_to_run",
    "lineage",
    "subscriptions",
)

NAMES: dict[type, tuple[str, ...]] = {
    Scenario: (
        *("add_tag", "additional_data_nodes", "config", "config_id", "creation_date"),
        *("add_sequence", "add_sequences", "remove_sequence", "remove_sequences"),
        *("rename_sequence", "update_sequence"),
        *("diff", "duplicate", "export"),
        *("cycle", "dag", "data_nodes", "has_tag", "id", "is_deleted", "is_primary"),
        *(
            "name",
            "owner_id",
            "plan",
            "properties",
            "read",
            "remove_tag",
            "scenario_id",
        ),
        *("sequences", "set_primary", "submit", "subscribe", "tags", "tasks"),
        *("unsubscribe", "update"),
        *SUBMITTABLE,
        *("version",),
        *(
            "get_label",
            "get_simple_label",
            "is_deletable",
            "is_submittable",
        ),
    ),
    Cycle: (
        *("creation_date", "end_date", "frequency", "id", "name", "primary_id"),
        *("properties", "start_date", "update"),
        *(
            "get_label",
            "get_simple_label",
        ),
    ),
    Sequence: (
        "version",
        *("dag", "data_nodes", "id", "is_deleted", "name", "owner_id", "plan"),
        *("properties", "scenario_id", "submit", "subscribe", "tasks", "unsubscribe"),
        *SUBMITTABLE,
        *(
            "get_label",
            "get_parents",
            "get_simple_label",
            "is_submittable",
        ),
    ),
    Task: (
        "version",
        *("config", "config_id", "dag", "data_nodes", "function", "id", "input"),
        *("is_deleted", "output", "owner_id", "plan", "scenario_id", "skippable"),
        *("properties", "scope", "submit", "tasks"),
        *SUBMITTABLE,
        *(
            "get_label",
            "get_parents",
            "get_simple_label",
            "is_submittable",
        ),
    ),
    DataNode: (
        "version",
        *("append", "column", "config", "config_id", "describe", "download"),
        *("edit_in_progress", "editor_expiration_date", "editor_id", "edits"),
        *("expiration_date", "filter", "fingerprint", "id", "is_locked"),
        *("is_ready_for_reading", "is_valid", "last_edit_date", "lock_edit", "name"),
        *("owner_id", "path", "preview", "read", "scope", "storage_type"),
        *("unlock_edit", "update", "upload", "validity_period", "write"),
        *("get_last_edit", "is_generated", "is_up_to_date", "properties", "track_edit"),
        *("decoder", "encoder", "is_downloadable", "is_uploadable", "read_with_kwargs"),
        "write_with_column_names",
        *(
            "get_label",
            "get_parents",
            "get_simple_label",
        ),
    ),
    Submission: (
        "version",
        "waits_for_data",
        "is_paused",
        "pause",
        "resume",
        *("accepted", "cancel", "counts", "dag", "entity", "entity_id", "error"),
        *(
            "finished_at",
            "force",
            "gantt",
            "id",
            "inputs",
            "is_adopted",
            "is_finished",
            "jobs",
        ),
        *("on_failure", "orchestrator_id", "outputs", "priority", "properties"),
        *("read", "report", "retry_failed", "run_timeout", "status", "submitted_at"),
        *("timeout", "wait", "execution_duration", "run_at"),
        *(
            "get_label",
            "get_simple_label",
            "is_canceling",
            "is_deletable",
        ),
    ),
    Job: (
        "version",
        *("attempt", "attempts", "cancel", "config_id", "duration", "error"),
        *("execution_duration", "finished_at", "follow", "id", "is_finished"),
        *("name", "output", "progress", "reason", "run_at", "stacktrace", "status"),
        *("submission", "submitted_at", "task", "usage", "worker"),
        *("blocked_duration", "pending_duration"),
        *(
            "get_label",
            "get_simple_label",
            "is_canceling",
            "is_deletable",
        ),
    ),
    Output: ("data_node", "edit", "job", "read"),
    Input: ("data_node", "is_given", "read", "submission"),
}
"""The public names of each handle. Another one is a promise: see `docs/api.md`."""


def public(handle: type) -> list[str]:
    return [name for name in dir(handle) if not name.startswith("_")]


@pytest.mark.parametrize("handle", NAMES, ids=lambda handle: handle.__name__)
def test_the_names(handle: type) -> None:
    assert public(handle) == sorted(NAMES[handle])


@pytest.mark.parametrize("handle", NAMES, ids=lambda handle: handle.__name__)
def test_an_instance_has_no_more(handle: type) -> None:
    """Slots: nothing can be added to one."""
    assert handle.__dictoffset__ == 0


@pytest.mark.parametrize("handle", NAMES, ids=lambda handle: handle.__name__)
def test_the_reference_has_each(handle: type) -> None:
    text = (DOCS / "api.md").read_text(encoding="utf-8")
    assert getattr(asyncflow, handle.__name__) is handle
    found = re.search(
        rf"autoclass:: asyncflow\.{handle.__name__}\n +:members: (.*?)\n\n",
        text.replace("\n     ", " "),
    )
    assert found, f"docs/api.md does not tell of {handle.__name__}"
    assert sorted(re.split(r",\s*", found[1])) == sorted(NAMES[handle])


@pytest.mark.parametrize(
    ("handle", "name"),
    [(handle, name) for handle, names in NAMES.items() for name in names],
    ids=lambda part: part if isinstance(part, str) else part.__name__,
)
def test_each_says_what_it_is(handle: type, name: str) -> None:
    """A method and a property have a docstring; a field has one in its class's source."""
    member = getattr(handle, name)
    is_field = type(member).__name__ in {"member_descriptor", "getset_descriptor"}
    assert is_field or member.__doc__, f"{handle.__name__}.{name} has no docstring"
