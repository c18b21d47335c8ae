"""Counters: how many jobs have ended, added up from what runs count anyway."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from asyncflow.config import Configuration
from asyncflow.entities.scenario import Scenario
from asyncflow.entities.statistics import Statistics
from asyncflow.entities.submission import Run
from asyncflow.notify.counters import JobCounters
from asyncflow.status import FINAL, Status
from tests.support import flows
from tests.support.entities import (
    USAGE,
    complete,
    identity_map,
    make_run,
    make_scenario,
)
from tests.support.flows import fan

pytestmark = pytest.mark.anyio


def statistics(counters: JobCounters, runs: Collection[Run]) -> Statistics:
    return counters.statistics(
        runs,
        workers=1,
        max_nb_of_workers=2,
        commits=3,
        store_error=None,
        store_error_since=None,
    )


def begin(counters: JobCounters, run: Run) -> None:
    run.watched_by = (counters,)
    counters.take(run)


async def three_jobs() -> Scenario:
    return await make_scenario(fan(Configuration(), flows.double, 3))


async def test_nothing_has_happened_yet() -> None:
    numbers = statistics(JobCounters(), [])
    assert numbers.finished == dict.fromkeys(FINAL, 0)
    assert (numbers.workers, numbers.max_nb_of_workers, numbers.commits) == (1, 2, 3)
    assert (numbers.runs, numbers.queued, numbers.running, numbers.waiting) == (0,) * 4


async def test_what_is_under_way_is_counted_when_it_is_asked_for() -> None:
    counters, scenario = JobCounters(), await three_jobs()
    run = make_run(scenario)
    begin(counters, run)
    assert statistics(counters, [run]).waiting == 3

    run.wait_for(Status.BLOCKED, [0], 1.0)
    run.wait_for(Status.PENDING, [1, 2], 1.0)
    run.job(1).move(Status.RUNNING, 2.0)
    numbers = statistics(counters, [run])
    assert (numbers.waiting, numbers.queued, numbers.running) == (1, 1, 1)

    run.completed([(2, USAGE)], 3.0)
    numbers = statistics(counters, [run])
    assert (numbers.runs, numbers.queued) == (1, 0)
    assert numbers.finished[Status.COMPLETED] == 1


async def test_the_jobs_of_runs_that_have_ended_are_added_up_once() -> None:
    counters, scenario = JobCounters(), await three_jobs()
    identities = identity_map()

    for key in "ab":
        run = make_run(scenario, identities, key)
        begin(counters, run)
        complete(run)
        assert statistics(counters, []) == statistics(counters, [])

    numbers = statistics(counters, [])
    assert numbers.finished[Status.COMPLETED] == 6
    assert sum(numbers.finished.values()) == 6


async def test_what_ended_before_a_run_was_taken_over_does_not_count_here() -> None:
    counters, scenario = JobCounters(), await three_jobs()
    run = make_run(scenario)
    run.completed([(0, USAGE)], 1.0)
    begin(counters, run)
    assert statistics(counters, [run]).finished[Status.COMPLETED] == 0

    run.completed([(1, USAGE)], 2.0)
    assert statistics(counters, [run]).finished[Status.COMPLETED] == 1
    run.completed([(2, USAGE)], 3.0)
    run.finished(3.0)
    assert statistics(counters, []).finished[Status.COMPLETED] == 2


async def test_the_numbers_of_a_moment_stay_as_they_were() -> None:
    counters, scenario = JobCounters(), await three_jobs()
    before = statistics(counters, [])
    run = make_run(scenario)
    begin(counters, run)
    complete(run)
    assert before.finished[Status.COMPLETED] == 0

    with pytest.raises(TypeError):
        before.finished[Status.COMPLETED] = 1  # type: ignore[index]  # what is tested
