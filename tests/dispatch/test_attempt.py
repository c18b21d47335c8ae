"""An attempt at a job: what its executor is given, and what its outcome means."""

from __future__ import annotations

import pytest

from asyncflow import Configuration, Orchestrator
from asyncflow.abc import Crashed, Killed, Outcome, Raised, Returned
from asyncflow.dispatch.attempt import Attempt, call_of, judge, kind_of, read_by
from asyncflow.entities.submittable import dag_of
from asyncflow.options import RunOptions
from asyncflow.runs.node import Version
from asyncflow.status import AttemptKind, Status
from asyncflow.values.versions import Versions
from asyncflow.worker.shortened import REASON
from tests.support import flows
from tests.support.attempts import call_spec, make_attempts

TIMED_OUT = Status.FAILED, "it took too long"


@pytest.mark.parametrize(
    ("outcome", "status", "reason"),
    [
        (Returned((b"1",)), Status.COMPLETED, ""),
        (Raised("ValueError: no", "", None), Status.FAILED, "ValueError: no"),
        (Crashed(None), Status.FAILED, "its worker process ended, nobody knows how"),
        (Crashed(3), Status.FAILED, "its worker process ended with exit code 3"),
        (Crashed(-9), Status.FAILED, "its worker process was killed by SIGKILL (9)"),
        (
            Crashed(-250),
            Status.FAILED,
            "its worker process was killed by a signal (250)",
        ),
        (Crashed(3, "out of memory"), Status.FAILED, "out of memory"),
        (Killed(), Status.CANCELED, "the orchestrator was stopped"),
    ],
)
def test_an_outcome_is_a_status_and_a_reason(
    outcome: Outcome, status: Status, reason: str
) -> None:
    assert judge(outcome, None)[:2] == (status, reason)


def test_a_job_that_is_killed_becomes_what_it_was_killed_for() -> None:
    assert judge(Killed(), TIMED_OUT) == (*TIMED_OUT, ())
    assert judge(Crashed(-9), TIMED_OUT) == (*TIMED_OUT, ())
    # It was done first.
    assert judge(Returned((b"1",)), TIMED_OUT) == (Status.COMPLETED, "", (b"1",))


def test_a_long_reason_is_shortened() -> None:
    _, reason, _ = judge(Raised("x" * 10 * REASON, "", None), None)
    assert len(reason) < 2 * REASON


def test_how_an_attempt_failed() -> None:
    assert kind_of(Crashed(1), None) is AttemptKind.CRASHED
    assert kind_of(Raised("no", "", None), None) is AttemptKind.RAISED
    assert kind_of(Killed(), AttemptKind.TIMED_OUT) is AttemptKind.TIMED_OUT


@pytest.mark.anyio
async def test_the_store_is_to_know_first_of_jobs_that_must_not_run_twice(
    config: Configuration,
) -> None:
    (attempt,) = await make_attempts(config)
    assert not attempt.must_be_marked
    attempt.run.crashes = 1
    assert attempt.must_be_marked


@pytest.mark.anyio
async def test_it_says_whether_it_may_run_again(config: Configuration) -> None:
    (attempt,) = await make_attempts(config, on_restart="fail")
    assert attempt.must_be_marked


# ----------------------------------------------------------- what its executor is given


async def opened(orchestrator: Orchestrator) -> tuple[Attempt, Versions]:
    """Make an attempt at a job whose input is there."""
    engine = orchestrator._opened()
    cfg = flows.single(orchestrator.config, flows.double, 5)
    scenario = await orchestrator.create_scenario(cfg)
    run = engine.identity_map.new_submission(
        "k", scenario, dag_of(scenario), RunOptions()
    )
    return Attempt((1, 0), run, call_spec(), ""), engine.versions


@pytest.fixture
def config() -> Configuration:
    return flows.configuration("development")  # no worker is started


@pytest.mark.anyio
async def test_it_reads_the_versions_of_its_inputs(config: Configuration) -> None:
    async with Orchestrator(config) as orchestrator:
        attempt, versions = await opened(orchestrator)
        node = attempt.task.input["source"]
        assert list(read_by(attempt)) == [(node, node.version)]
        call = call_of(attempt, versions, {})

    assert node.version is not None
    assert call.inputs == (("source", node.driver, node.version.kept),)
    assert call.outputs[0][0] == "result"
    assert (call.job_id, call.task, call.code) == (attempt.job_id, "work", b"code")
    assert attempt.read_versions == ()  # a small value is in no file


@pytest.mark.anyio
async def test_what_a_job_of_its_batch_makes_is_read_from_there(
    config: Configuration,
) -> None:
    async with Orchestrator(config) as orchestrator:
        attempt, versions = await opened(orchestrator)
        node = attempt.task.input["source"]
        call = call_of(attempt, versions, {node.id: (0, 0)})

    assert call.inputs == (("source", node.driver, (0, 0)),)


@pytest.mark.anyio
async def test_a_file_that_it_reads_is_kept_until_it_has_ended(
    config: Configuration,
) -> None:
    async with Orchestrator(config) as orchestrator:
        attempt, versions = await opened(orchestrator)
        node = attempt.task.input["source"]
        pinned = Version(1, "/values/1.value")
        attempt.run.pins = {node.id: pinned}
        assert list(read_by(attempt)) == [(node, pinned)]
        call = call_of(attempt, versions, {node.id: (0, 0)})
        assert call.inputs == (("source", node.driver, "/values/1.value"),)
        assert attempt.read_versions == (pinned,)
        assert pinned.readers == 1
