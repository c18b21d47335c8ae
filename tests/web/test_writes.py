"""Each way to change something tells who has asked for it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from anyio import fail_after
from starlette.requests import Request

from asyncflow import (
    EntityCreated,
    EntityDeleted,
    EntityEvent,
    EntityUpdated,
    Frequency,
    JobFinished,
    Orchestrator,
    Scenario,
    Submission,
    SubmissionRecord,
)
from asyncflow.web import Access
from asyncflow.web.dashboard import PAGES
from asyncflow.web.site import Site
from tests.support import flows
from tests.support.web import client

pytestmark = pytest.mark.anyio

KINDS = (EntityCreated, EntityUpdated, EntityDeleted, JobFinished)

LIVE, PAUSED, CANCELED, OLD = "live", "paused", "canceled", "old"
"""What a run is that something is done to."""

WAYS: dict[str, tuple[str, str, str, dict[str, Any]]] = {
    # The run that it needs, what tells the user, of what, and what is sent.
    "POST /runs/cancel": (LIVE, "JobFinished", "", {}),
    "POST /runs/retry": (CANCELED, "EntityCreated", "SUBMISSION", {}),
    "POST /runs/{id}/cancel": (LIVE, "JobFinished", "", {}),
    "POST /runs/{id}/pause": (LIVE, "EntityUpdated", "SUBMISSION", {}),
    "POST /runs/{id}/resume": (PAUSED, "EntityUpdated", "SUBMISSION", {}),
    "POST /runs/{id}/retry": (CANCELED, "EntityCreated", "SUBMISSION", {}),
    "POST /runs/{id}/delete": (CANCELED, "EntityDeleted", "SUBMISSION", {}),
    "POST /jobs/{id}/cancel": (LIVE, "JobFinished", "", {}),
    "POST /scenarios/create": (
        *("", "EntityCreated", "SCENARIO"),
        {"data": {"config": "gated"}},
    ),
    "POST /scenarios/tag": (
        *("", "EntityUpdated", "SCENARIO"),
        {"data": {"id": "{scenarios}", "tag": "x"}},
    ),
    "POST /scenarios/{id}/submit": ("", "EntityCreated", "SUBMISSION", {}),
    "POST /scenarios/{id}/promote": ("", "EntityUpdated", "CYCLE", {}),
    "POST /scenarios/{id}/rename": (
        *("", "EntityUpdated", "SCENARIO"),
        {"data": {"name": "b"}},
    ),
    "POST /scenarios/{id}/tag": (
        *("", "EntityUpdated", "SCENARIO"),
        {"data": {"tags": "x"}},
    ),
    "POST /scenarios/{id}/duplicate": ("", "EntityCreated", "SCENARIO", {}),
    "POST /scenarios/{id}/delete": ("", "EntityDeleted", "SCENARIO", {}),
    "POST /data-nodes/{id}/write": (
        *("", "EntityUpdated", "DATA_NODE"),
        {"data": {"value": '["x"]'}},
    ),
    "POST /data-nodes/{id}/upload": (
        *("", "EntityUpdated", "DATA_NODE"),
        {"files": {"file": ("x.json", b"[1]")}},
    ),
    "POST /system/prune": (OLD, "EntityDeleted", "SUBMISSION", {"data": {"days": "1"}}),
    "POST /api/scenarios": (
        *("", "EntityCreated", "SCENARIO"),
        {"json": {"config_id": "gated"}},
    ),
    "PATCH /api/scenarios/{id}": (
        *("", "EntityUpdated", "SCENARIO"),
        {"json": {"name": "b"}},
    ),
    "DELETE /api/scenarios/{id}": ("", "EntityDeleted", "SCENARIO", {}),
    "POST /api/scenarios/{id}/promote": ("", "EntityUpdated", "CYCLE", {}),
    "POST /api/scenarios/{id}/duplicate": ("", "EntityCreated", "SCENARIO", {}),
    "POST /api/scenarios/{id}/submit": ("", "EntityCreated", "SUBMISSION", {}),
    "POST /api/sequences/{id}/submit": ("", "EntityCreated", "SUBMISSION", {}),
    "POST /api/tasks/{id}/submit": ("", "EntityCreated", "SUBMISSION", {}),
    "POST /api/submissions/cancel": (LIVE, "JobFinished", "", {"json": {"all": True}}),
    "POST /api/submissions/retry": (
        *(CANCELED, "EntityCreated", "SUBMISSION"),
        {"json": {"all": True}},
    ),
    "POST /api/submissions/{id}/cancel": (
        *(LIVE, "JobFinished", ""),
        {"json": {"reason": "too slow"}},
    ),
    "POST /api/submissions/{id}/pause": (LIVE, "EntityUpdated", "SUBMISSION", {}),
    "POST /api/submissions/{id}/resume": (PAUSED, "EntityUpdated", "SUBMISSION", {}),
    "POST /api/submissions/{id}/retry": (CANCELED, "EntityCreated", "SUBMISSION", {}),
    "DELETE /api/submissions/{id}": (CANCELED, "EntityDeleted", "SUBMISSION", {}),
    "POST /api/jobs/{id}/cancel": (
        *(LIVE, "JobFinished", ""),
        {"json": {"reason": "too slow"}},
    ),
    "DELETE /api/jobs/{id}": (CANCELED, "EntityDeleted", "JOB", {}),
    "PUT /api/data-nodes/{id}/value": (
        *("", "EntityUpdated", "DATA_NODE"),
        {"json": {"value": "x"}},
    ),
    "PUT /api/data-nodes/{id}/file": (
        *("", "EntityUpdated", "DATA_NODE"),
        {"content": b"[1]"},
    ),
    "POST /api/prune": (OLD, "EntityDeleted", "SUBMISSION", {"json": {"days": 1}}),
}


def ada(request: Request) -> Access:
    """Let in everybody, as Ada."""
    request.state.user = "ada"
    return Access.ALL


def test_each_way_is_tried() -> None:
    site = Site(lambda _: Orchestrator(), "flows", has_token=False)
    ways = {
        f"{method} {route.path}"
        for page in PAGES
        for route in page(site).routes
        for method in (route.methods or set()) - {"GET", "HEAD"}
    }
    assert ways == WAYS.keys()


@pytest.mark.parametrize("way", WAYS)
async def test_who_has_asked_is_told(
    orchestrator: Orchestrator, tmp_path: Path, way: str
) -> None:
    state, kind, of, sent = WAYS[way]
    scenario = await a_scenario(orchestrator, str(tmp_path / "gate"))
    run = await a_run(orchestrator, scenario, state) if state else None
    method, _, path = way.partition(" ")
    ids = {
        "scenarios": scenario.id,
        "sequences": scenario.sequences["part"].id,
        "tasks": scenario.tasks["wait"].id,
        "data-nodes": scenario.data_nodes["gate"].id,
    }

    if run is not None:
        ids |= {"runs": run.id, "submissions": run.id, "jobs": run.jobs[0].id}

    noun = path.removeprefix("/api").split("/")[1]
    place = path.strip("/").replace("{id}", ids.get(noun, ""))

    if "{scenarios}" in str(sent):
        sent = {"data": {**sent["data"], "id": scenario.id}}

    async with (
        orchestrator.events(*KINDS) as events,
        client(orchestrator, access=ada) as browser,
    ):
        answer = await browser.request(method, place, **sent)
        assert answer.status_code in (200, 201, 202, 204, 303), answer.text

        with fail_after(20):
            async for event in events:
                if isinstance(event, JobFinished):
                    is_told = event.reason.startswith("cancelled by ada")
                    told = ("JobFinished", "")
                else:
                    assert isinstance(event, EntityEvent)
                    is_told = event.user == "ada"
                    told = (type(event).__name__, event.entity_type)

                if is_told and told == (kind, of):
                    break

    if "data-nodes" in way:
        edit = await scenario.data_nodes["gate"].get_last_edit()
        assert edit is not None
        assert edit.editor_id == "ada"

    if of == "SUBMISSION" and kind == "EntityCreated":
        last, *_ = await orchestrator.submissions(newest_first=True)
        assert last.properties["submitted_by"] == "ada"

    if sent.get("json") == {"reason": "too slow"} and run is not None:
        assert run.jobs[0].reason.endswith("cancelled by ada: too slow")


async def a_scenario(orchestrator: Orchestrator, gate: str) -> Scenario:
    """Make a scenario whose job waits for a file; it is not the first of its cycle."""
    config = orchestrator.config
    node = config.configure_json_data_node("gate", default_data=gate)
    made = config.configure_data_node("made")
    task = config.configure_task("wait", flows.wait_for_file, node, made)
    declared = config.configure_scenario(
        "gated", task, frequency=Frequency.YEARLY, sequences={"part": [task]}
    )
    await orchestrator.create_scenario(declared)
    return await orchestrator.create_scenario(declared)


async def a_run(
    orchestrator: Orchestrator, scenario: Scenario, state: str
) -> Submission:
    """Make a run that goes on, is paused, or has ended; perhaps long ago."""
    run = await scenario.submit().accepted()

    if state == PAUSED:
        await run.pause()
    elif state in (CANCELED, OLD):
        run.cancel()
        await run.wait()

    if state == OLD:
        record = await orchestrator.store.get(run.id)
        assert isinstance(record, SubmissionRecord)
        assert record.finished is not None
        age = timedelta(days=3).total_seconds()
        orchestrator.store.save(record._replace(finished=record.finished - age))
        await orchestrator.store.flush()

    return run
