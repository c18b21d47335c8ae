"""Of many attempts the first and the last are kept, and all are counted."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from anyio import fail_after

from asyncflow import JobAttemptFailed, Orchestrator, Retry
from asyncflow.records import AttemptRecord
from asyncflow.runs.attempts import FIRST, LAST, SHORT, TRACEBACKS, added
from asyncflow.status import AttemptKind
from asyncflow.worker.shortened import TRACEBACK
from tests.support import flows
from tests.support.flows import configuration

MANY = 250

counter = itertools.count(1)


def failed(count: int, traceback: str = "t") -> tuple[AttemptRecord, ...]:
    """Return what is kept after so many attempts, each third one a crash."""
    kept: tuple[AttemptRecord, ...] = ()

    for number in range(1, count + 1):
        kind = AttemptKind.RAISED if number % 3 else AttemptKind.CRASHED
        facts = number, None, float(number), "why", f"{number} {traceback}"
        kept = added(kept, AttemptRecord(*facts, kind))

    return kept


@pytest.mark.smoke
def test_few_are_all_kept() -> None:
    assert [one.number for one in failed(FIRST + LAST)] == list(range(1, 101))


def test_of_many_the_first_and_the_last_are_kept() -> None:
    numbers = [one.number for one in failed(1000)]
    assert numbers == [*range(1, FIRST + 1), *range(1001 - LAST, 1001)]


def test_crashes_are_counted_that_are_not_kept() -> None:
    kept = failed(1000)
    assert [one.crashes for one in kept[:6]] == [0, 0, 1, 1, 1, 2]
    assert kept[-1].crashes == 333


def test_tracebacks_are_bounded_together() -> None:
    kept = failed(1000, "x" * (TRACEBACK - 10))
    sizes = [len(one.traceback) for one in kept]
    assert sum(sizes) <= TRACEBACKS + SHORT * len(kept)
    assert sizes[0] > SHORT < sizes[-1]
    assert kept[-1].traceback.startswith("1000 xxx")


def fail_often(source: int) -> int:
    if next(counter) <= MANY:
        raise ValueError("not yet")

    return source


@pytest.mark.anyio
async def test_a_job_that_is_tried_often_counts_its_attempts(tmp_path: Path) -> None:
    config = configuration(workers=1)
    cfg = flows.single(
        config, fail_often, executor="thread", retry=Retry(MANY + 1, wait=0.0)
    )

    async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
        with fail_after(50):
            submission = await (await orchestrator.create_scenario(cfg)).submit()

        (job,) = submission.jobs
        assert job.attempt == MANY + 1
        assert [one.number for one in job.attempts][FIRST] == MANY + 1 - LAST
        (record,) = await orchestrator.jobs()
        assert record.attempts == job.attempts
        numbers = [
            event.attempt
            async for event in submission
            if isinstance(event, JobAttemptFailed)
        ]
        assert numbers == list(range(1, MANY + 1))
