"""A run whose process was killed is cancelled where its code is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from anyio import create_task_group, fail_after

from asyncflow import Orchestrator
from tests.recovery.test_recovery import begun, got, killed
from tests.support.flows import configuration, statuses

pytestmark = pytest.mark.anyio


async def test_it_is_cancelled_once(tmp_path: Path) -> None:
    submission_id = await killed(tmp_path)

    async def cancel(orchestrator: Orchestrator, reason: str) -> None:
        submission = await got(orchestrator, submission_id)
        submission.cancel(reason)
        await submission.wait()
        assert submission.status == "CANCELED"
        assert statuses(submission.jobs) == ["COMPLETED", "CANCELED", "CANCELED"]

    path = tmp_path / "runs.db"

    async with (
        Orchestrator(configuration(), path, adopt=False) as one,
        Orchestrator(configuration(), path, adopt=False) as other,
    ):
        with fail_after(20):
            async with create_task_group() as group:
                group.start_soon(cancel, one, "first")
                group.start_soon(cancel, other, "second")

    async with Orchestrator(configuration(), path, adopt=False) as later:
        (record,) = await later.submissions()
        assert (record.status, record.reason in ("first", "second")) == (
            "CANCELED",
            True,
        )
        assert record.finished is not None
        reasons = {job.reason for job in await later.jobs(status="CANCELED")}
        assert reasons == {record.reason}

    assert begun(tmp_path) == ["first", "second"]
