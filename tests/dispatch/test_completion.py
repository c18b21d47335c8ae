"""Completion: outputs are visible first, then what is to be saved, then the runs are told."""

from __future__ import annotations

from typing import Any

import pytest

from asyncflow import Configuration, Orchestrator
from asyncflow.abc import Killed, Outcome, Printed, Returned, Usage
from asyncflow.dispatch.attempt import Attempt
from asyncflow.dispatch.completion import complete, is_simple_success
from asyncflow.entities.data_node import node_of
from asyncflow.entities.submittable import dag_of
from asyncflow.options import RunOptions
from asyncflow.records import JobRecord, VersionRecord
from asyncflow.status import Status
from tests.support import flows
from tests.support.attempts import call_spec, make_attempts

pytestmark = pytest.mark.anyio

USAGE = Usage(2.0, 0.25, 0.5, 1_000)
SIMPLE = Returned((b"1",), None, USAGE)


@pytest.fixture
def config() -> Configuration:
    return flows.configuration("development")  # no worker is started


@pytest.mark.parametrize(
    ("outcome", "is_simple"),
    [
        (SIMPLE, True),
        (SIMPLE._replace(log=Printed("a line\n")), False),
        (SIMPLE._replace(usage=None), False),
        (SIMPLE._replace(kept=()), False),
        (Killed(), False),
    ],
)
async def test_a_success_with_nothing_to_tell_is_simple(
    config: Configuration, outcome: Outcome, is_simple: bool
) -> None:
    (attempt,) = await make_attempts(config)
    assert is_simple_success(outcome, attempt) is is_simple


async def test_a_job_that_somebody_knows_is_not_simple(config: Configuration) -> None:
    one, other = await make_attempts(config, 2)
    assert one.job.status is Status.SUBMITTED  # it is made, as it was asked for
    assert not is_simple_success(SIMPLE, one)
    assert is_simple_success(SIMPLE, other)
    other.is_over = True
    assert not is_simple_success(SIMPLE, other)


async def test_outputs_are_visible_before_the_run_is_told(
    config: Configuration,
) -> None:
    async with Orchestrator(config) as orchestrator:
        engine = orchestrator._opened()
        cfg = flows.fan(config, flows.double, 2)
        scenario = await orchestrator.create_scenario(cfg)
        options = RunOptions()
        run = engine.identity_map.new_submission(
            "k", scenario, dag_of(scenario), options
        )
        spec = call_spec()
        attempts = [Attempt((1, place), run, spec, "") for place in (0, 1)]
        outcomes = [SIMPLE, SIMPLE._replace(kept=(b"2",))]
        completion = complete(attempts, outcomes, engine.versions)
        versions: list[Any] = [
            node_of(node).version for node in (scenario.r0, scenario.r1)
        ]

        assert [one.kept for one in versions] == [b"1", b"2"]
        assert {one.submission_id for one in versions} == {run.id}
        assert run.table.status[0] is Status.SUBMITTED
        jobs = [one for one in completion.records if isinstance(one, JobRecord)]
        assert [one.id for one in jobs] == [attempt.job_id for attempt in attempts]
        assert {(one.status, one.started) for one in jobs} == {("COMPLETED", 2.0)}
        made = [one for one in completion.records if isinstance(one, VersionRecord)]
        assert [one.kept for one in made] == [b"1", b"2"]
        assert spec.duration.seconds == pytest.approx(0.001 + 0.75 * 0.249)

        completion.notify()
        assert run.table.counts() == {Status.COMPLETED: 2}
        assert run.job(1).finished_at == completion.at
        run.finished(completion.at)
