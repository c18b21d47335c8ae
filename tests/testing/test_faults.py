"""Faults to order: which jobs they happen to, and where they are active."""

from __future__ import annotations

import pytest

from asyncflow import JobFinished, JobPending, Orchestrator, Status, UsageError
from asyncflow.testing import Faults
from tests.support import flows
from tests.support.faults import states, submitted


@pytest.mark.anyio
async def test_every_job_raises_a_class_of_errors() -> None:
    faults = Faults()
    faults.fail("work", KeyError, attempt=None)
    runs = await submitted("thread", faults, 3)
    assert [one.jobs[0].reason for one in runs] == ["KeyError"] * 3


@pytest.mark.anyio
async def test_the_first_of_several_faults_happens_and_all_count() -> None:
    faults = Faults()
    faults.fail("work", ValueError("first"), attempt=2)
    faults.fail("work", ValueError("second"), attempt=2)
    faults.fail("work", ValueError("third"), attempt=3)

    runs = await submitted("thread", faults, 4)

    reasons = [one.jobs[0].reason for one in runs]
    assert reasons == ["", "ValueError: first", "ValueError: third", ""]


@pytest.mark.anyio
@pytest.mark.blocking_jobs
async def test_jobs_are_counted_from_when_a_fault_is_added() -> None:
    config = flows.configuration("development")
    scenario_cfg = flows.chain(config, flows.double, flows.double, crash_retries=0)
    second = config.tasks["t1"]

    with Faults() as faults:
        async with Orchestrator(config) as orchestrator:
            scenario = await orchestrator.create_scenario(scenario_cfg)
            await scenario.submit()
            faults.crash(second)
            assert faults.pending == ("the crash of job 1 of task 't1'",)
            run = await scenario.submit().wait()
            assert states([run]) == [Status.COMPLETED, Status.FAILED]
            await scenario.submit()


@pytest.mark.anyio
@pytest.mark.blocking_jobs
async def test_faults_happen_only_where_they_are_active() -> None:
    faults = Faults()
    faults.crash("work", attempt=None)
    inner = Faults()
    inner.fail("work", ValueError("inner"))

    with faults:
        pass

    assert states(await submitted("development", Faults(), 1)) == [Status.COMPLETED]

    with faults:
        assert states(await submitted("development", inner, 2)) == [Status.FAILED] * 2


def test_what_cannot_be_meant_is_refused() -> None:
    faults = Faults()

    with pytest.raises(ValueError, match="counted from 1, not from 0"):
        faults.crash("work", attempt=0)

    with pytest.raises(ValueError, match="counted from 1, not from -1"):
        faults.kill_orchestrator_after(JobFinished, nth=-1)

    with pytest.raises(UsageError, match=r"after JobPending: use one of Submission"):
        faults.kill_orchestrator_after(JobPending)

    with faults, pytest.raises(UsageError, match="active already"):
        faults.__enter__()


def test_pytest_is_not_killed() -> None:
    with (
        Faults() as faults,
        pytest.raises(UsageError, match=r"would kill pytest.*run_program"),
    ):
        faults.kill_orchestrator_after(JobFinished)

    killing = Faults()
    killing.kill_orchestrator_after(JobFinished)

    with pytest.raises(UsageError, match="would kill pytest"):
        killing.__enter__()

    with faults:  # what was refused is forgotten
        pass
