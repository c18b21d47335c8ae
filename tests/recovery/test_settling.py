"""Jobs that have written: which of them complete so, and which run again."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import anyio
import pytest

from asyncflow import Configuration, Orchestrator
from asyncflow.drivers.json import JSONDriver
from asyncflow.records import JobRecord, VersionRecord
from asyncflow.recovery.settling import (
    REASON,
    Place,
    Unsettled,
    finish_lost,
    left_by,
    settle,
)
from asyncflow.status import Status
from asyncflow.worker.intent import STAGED, Intent, Part
from asyncflow.worker.values import INTENT
from tests.support import flows


@pytest.mark.anyio
async def test_a_job_whose_inputs_are_made_anew_runs_again(
    config: Configuration, path: str, tmp_path: Path
) -> None:
    source = config.configure_data_node("source", default_data=1)
    between = config.configure_data_node("between")
    own = config.configure_data_node("own", "json", default_path=tmp_path / "own.json")
    first = config.configure_task("first", flows.identity, source, between)
    second = config.configure_task("second", flows.identity, between, own)
    config.configure_scenario("row", [first, second])

    with anyio.fail_after(40):
        async with Orchestrator(config, path) as orchestrator:
            scenario = await orchestrator.create_scenario("row")
            submission: Any = scenario.submit()
            await submission
            engine = orchestrator._session.engine
            assert engine is not None
            run = submission._run
            one, other = submission.jobs
            draft = tmp_path / "own.json.draft"
            parts = (Part("own", "ORCHESTRATOR_1-1.value", str(draft)),)
            left = Unsettled({other.id: Intent(other.id, 1.0, parts)}, {})
            records = {record.id: record for record in await engine.store.jobs()}

            draft.write_text("3")
            assert await settle(run, {}, left, engine.versions) == []
            assert draft.exists(), "nothing of it was visible: nothing is"

            ended = {one.id: records[one.id]}
            found = await settle(run, ended, left, engine.versions)
            assert [type(record) for record in found[:2]] == [JobRecord, VersionRecord]
            assert isinstance(found[0], JobRecord)
            assert (found[0].status, found[0].reason) == (Status.COMPLETED, REASON)
            assert json.loads((tmp_path / "own.json").read_text()) == 3
            version = run.tasks[1].output["own"].version
            assert version is not None
            assert version.submission_id == run.id  # whose handle may read it

            assert await settle(run, records, left, engine.versions) == []


def test_what_is_left(tmp_path: Path) -> None:
    (tmp_path / f"ORCHESTRATOR_1-JOB_a{INTENT}").write_bytes(b"torn")
    (tmp_path / f"ORCHESTRATOR_1-4.value{STAGED}").write_text("node")
    (tmp_path / f"ORCHESTRATOR_2-4.value{STAGED}").write_text("other")
    path = str(tmp_path / "ORCHESTRATOR_1-4.value")
    assert left_by(str(tmp_path), "ORCHESTRATOR_1") == Unsettled(
        {}, {path: Place("node")}
    )


@pytest.mark.parametrize("is_visible", [True, False])
def test_a_run_that_is_lost_is_not_visible_in_part(
    tmp_path: Path, is_visible: bool
) -> None:
    paths = [str(tmp_path / name) for name in ("a.json", "b.json")]
    drivers = {name: JSONDriver(path) for name, path in zip("ab", paths, strict=True)}
    parts = [
        Part(name, f"O_1-{name}.value", driver.write(1, f"O_1-{name}.value", name))
        for name, driver in drivers.items()
    ]

    if is_visible:
        drivers["a"].publish(parts[0].kept, parts[0].path)

    left = Unsettled({"JOB_x": Intent("JOB_x", 1.0, tuple(parts))}, {})
    finish_lost(left, [], {Place(name): driver for name, driver in drivers.items()})
    assert [os.path.exists(path) for path in paths] == [is_visible] * 2
