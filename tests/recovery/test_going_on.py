"""Jobs that outlive their orchestrator."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import attrs
import pytest

from asyncflow import Status
from asyncflow.abc import Call, Executor, Watch
from asyncflow.records import AttemptRecord, JobRecord, OrchestratorRecord
from asyncflow.recovery import going_on
from asyncflow.stores.memory import MemoryStore
from tests.support.records import submission_record

pytestmark = pytest.mark.anyio

RUN = "SUBMISSION_a"
JOB = "JOB_work_a"
DEAD = "ORCHESTRATOR_dead"


@attrs.define(eq=False)
class Outliving(Executor):
    """Has jobs of a dead orchestrator."""

    left: Mapping[str, int]
    ended: Collection[str] | None = None

    async def take_over(self, dead_id: str) -> Mapping[str, int]:
        return self.left

    async def let_go(self, dead_id: str, job_ids: Collection[str]) -> None:
        self.ended = job_ids

    async def run(self, calls: Sequence[Call], watch: Watch) -> None:
        raise AssertionError

    def kill(self, call: Call, *, now: bool = False) -> None:
        raise AssertionError


def record(status: Status, *attempts: AttemptRecord) -> JobRecord:
    return JobRecord(JOB, "TASK_work_a", RUN, status, "", 1.0, None, "", attempts)


FAILED = AttemptRecord(1, 1.0, 2.0, "no", "")


@pytest.mark.parametrize(
    ("kept", "goes_on"),
    [
        (None, True),
        (record(Status.RUNNING), True),
        (record(Status.COMPLETED), False),
        (record(Status.PENDING, FAILED), False),
    ],
    ids=["unknown", "running", "ended", "earlier attempt"],
)
async def test_what_goes_on_is_what_has_not_ended(
    kept: JobRecord | None, goes_on: bool
) -> None:
    outliving = Outliving({JOB: 1})
    jobs = {} if kept is None else {JOB: kept}
    found = await going_on.take_over(outliving, MemoryStore(), DEAD, {RUN: jobs})
    assert found is goes_on
    assert outliving.ended == ([] if goes_on else [JOB])

    if kept is not None and goes_on:
        assert jobs[JOB].status is Status.PENDING, "it is no crash"


@pytest.mark.parametrize("is_there", [True, False])
async def test_those_of_runs_of_others_are_left_and_of_none_are_ended(
    is_there: bool,
) -> None:
    outliving = Outliving({JOB: 1})

    async with MemoryStore() as store:
        if is_there:
            store.save(submission_record("a", id=RUN))

        found = await going_on.take_over(outliving, store, DEAD, {})

    assert found is is_there
    assert outliving.ended == ([] if is_there else [JOB])


async def test_where_no_run_was_taken_over_the_orchestrator_may_live() -> None:
    outliving = Outliving({JOB: 1})

    async with MemoryStore() as store:
        store.save(OrchestratorRecord(DEAD, "host", 1, "now", "", 0.0))
        assert not await going_on.take_over(outliving, store, DEAD, {})

    assert outliving.ended is None
    assert not await going_on.take_over(None, MemoryStore(), DEAD, {})
