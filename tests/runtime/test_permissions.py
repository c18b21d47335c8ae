"""What can be done with an entity, and why not: facts, not texts."""

from __future__ import annotations

import anyio
import pytest

from asyncflow import (
    Configuration,
    NotFound,
    Orchestrator,
    Scope,
    UsageError,
)
from asyncflow.entities.reasons import (
    CannotBeCreated,
    CannotBeSubmitted,
    HasUnfinishedRun,
    IsBeingEdited,
    IsNotGlobal,
    IsUnknown,
    WasNeverWritten,
)
from tests.support.flows import double

pytestmark = [pytest.mark.anyio, pytest.mark.blocking_jobs]


async def test_what_can_be_submitted_and_changed(config: Configuration) -> None:
    source = config.configure_data_node("source")
    result = config.configure_data_node("result")
    task = config.configure_task("work", double, source, result)
    cfg = config.configure_scenario("s", task, sequences={"part": task})

    async with Orchestrator(config, store=":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        source_id = scenario.source.id

        for entity in (scenario, scenario.part, scenario.work):
            reasons = await entity.is_submittable()
            assert not reasons
            (why,) = reasons
            assert isinstance(why, WasNeverWritten)
            assert why.entity_id == source_id
            assert str(reasons) == f"{source_id} was never written"

        await scenario.source.write(5)
        assert await scenario.is_submittable()
        assert await orchestrator.is_editable(scenario.source)
        await scenario.source.lock_edit("me")

        for found in (
            await orchestrator.is_submittable(scenario.id),
            await orchestrator.is_editable(source_id),
        ):
            (why,) = found
            assert isinstance(why, IsBeingEdited)
            assert (why.entity_id, why.editor_id) == (source_id, "me")

        (why,) = await orchestrator.is_submittable(source_id)
        assert isinstance(why, CannotBeSubmitted)
        assert await orchestrator.is_editable(scenario)
        assert await orchestrator.is_readable(scenario.part)

        for found in (
            await orchestrator.is_submittable("SCENARIO_s_0"),
            await orchestrator.is_editable("DATANODE_source_0"),
            await orchestrator.is_readable("JOB_work_0"),
            await orchestrator.is_deletable("JOB_work_0"),
        ):
            (why,) = found
            assert isinstance(why, IsUnknown)

        with pytest.raises(TypeError, match="an id is a text"):
            await orchestrator.is_readable(5)  # type: ignore[arg-type]  # on purpose


async def test_what_can_be_created(config: Configuration) -> None:
    alone = config.configure_data_node("alone")
    shared = config.configure_data_node("shared", scope=Scope.GLOBAL)
    cfg = config.configure_scenario("s", [], [alone, shared])
    can_create = Orchestrator(config, store=":memory:").can_create
    assert can_create()
    assert can_create(cfg)
    assert can_create(shared)
    (why,) = can_create(alone)
    assert isinstance(why, IsNotGlobal)
    assert (why.entity_id, why.scope) == ("alone", "SCENARIO")
    (why,) = can_create("s")
    assert isinstance(why, CannotBeCreated)


async def test_jobs_are_deleted_when_their_run_has_ended(config: Configuration) -> None:
    goes_on, ends = anyio.Event(), anyio.Event()

    async def wait(value: int) -> int:
        goes_on.set()
        await ends.wait()
        return value

    source = config.configure_data_node("source", default_data=5)
    between = config.configure_data_node("between")
    result = config.configure_data_node("result")
    first = config.configure_task("first", double, source, between)
    second = config.configure_task("second", wait, between, result)
    cfg = config.configure_scenario("s", [first, second])

    async with Orchestrator(config, store=":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = scenario.submit()
        one, other = submission.jobs

        with anyio.fail_after(20):
            await goes_on.wait()

        for entity in (one, other, submission, scenario):
            (why,) = await entity.is_deletable()
            assert isinstance(why, HasUnfinishedRun)
            assert why.submission_id == submission.id

        with pytest.raises(UsageError, match=f"{submission.id} has not ended"):
            await orchestrator.delete_job(one)

        assert await orchestrator.delete_jobs() == 0
        ends.set()
        await submission
        assert await one.is_deletable()
        assert await orchestrator.is_deletable(scenario)
        await orchestrator.delete(one.id)
        assert [job.id for job in await orchestrator.jobs()] == [other.id]
        assert not await orchestrator.exists(one.id)

        with pytest.raises(NotFound):
            await orchestrator.delete_job(one.id)

        await scenario.submit()
        assert await orchestrator.delete_jobs() == 3
        ends = anyio.Event()
        goes_on = anyio.Event()
        third = scenario.submit()

        with anyio.fail_after(20):
            await goes_on.wait()
            await orchestrator.delete_job(third.jobs[0], force=True)

        assert third.status == "CANCELED"
        assert await orchestrator.delete_jobs() == 1
        assert await orchestrator.jobs() == []
        assert await orchestrator.get_submission(submission.id) is submission
