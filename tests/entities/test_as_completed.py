"""Submissions in the order in which they end."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
import pytest
from anyio import create_task_group, fail_after

from asyncflow import (
    Configuration,
    Orchestrator,
    SubmissionFailed,
    as_completed,
)
from asyncflow.entities.submission import handle_of, run_of
from asyncflow.status import Status
from tests.support import flows
from tests.support.entities import complete, identity_map, make_run, make_scenario
from tests.support.flows import chain, single

pytestmark = pytest.mark.anyio


@pytest.fixture
async def orchestrator(config: Configuration) -> AsyncIterator[Orchestrator]:
    async with Orchestrator(config) as opened:
        yield opened


async def test_as_completed(config: Configuration, orchestrator: Orchestrator) -> None:
    scenario = await orchestrator.create_scenario(single(config, flows.double))
    failing = await orchestrator.create_scenario(chain(config, flows.fail))
    submissions = [scenario.submit(), failing.submit(), scenario.submit()]

    ended = [submission async for submission in as_completed(submissions)]

    assert set(ended) == set(submissions)
    assert all(submission.is_finished for submission in ended)
    assert [run async for run in as_completed(submissions)] == submissions
    assert [run async for run in as_completed([])] == []


async def test_in_the_order_of_their_ends() -> None:
    identities = identity_map()
    scenario = await make_scenario(single(Configuration(), flows.double), identities)
    runs = [make_run(scenario, identities, key) for key in "abc"]
    ended = as_completed([handle_of(run) for run in runs])
    found: list[str] = []

    async def read() -> None:
        found.extend([submission.id async for submission in ended])

    with fail_after(5):
        async with create_task_group() as group:
            group.start_soon(read)

            for run in (runs[2], runs[0], runs[1]):
                await anyio.wait_all_tasks_blocked()
                complete(run)

    assert found == [runs[2].id, runs[0].id, runs[1].id]


async def test_what_is_given_watches_its_run_until_that_has_ended() -> None:
    """A failure of a run that somebody watches is not told as one that nobody saw."""
    identities = identity_map()
    scenario = await make_scenario(single(Configuration(), flows.double), identities)
    run = make_run(scenario, identities)
    as_completed([handle_of(run)])
    assert run.watchers.count == 1
    complete(run)
    assert run.watchers.count == 0


async def test_a_run_that_failed_is_given_and_raises_when_it_is_awaited(
    config: Configuration, orchestrator: Orchestrator
) -> None:
    scenario = await orchestrator.create_scenario(single(config, flows.fail))

    async for submission in as_completed([scenario.submit()]):
        assert [job.status for job in submission.jobs] == [Status.FAILED]
        assert run_of(submission).watchers.count == 0

        with pytest.raises(SubmissionFailed):
            await submission
