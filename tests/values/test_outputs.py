"""What a run wrote: which of its jobs, and by which edit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from asyncflow import Configuration, Edit, Orchestrator, Scenario, UsageError
from asyncflow.entities.submission import Run, run_of
from asyncflow.values.results import edit_of, why_unwritten, writer_of
from tests.support import flows

pytestmark = [pytest.mark.anyio, pytest.mark.blocking_jobs]


@pytest.fixture
async def scenario() -> AsyncIterator[Scenario]:
    """Give ``n0`` -> ``t0`` -> ``n1`` -> ``t1``, which fails."""
    config = flows.configuration("development")
    cfg = flows.chain(config, flows.double, flows.fail)

    async with Orchestrator(config, ":memory:") as orchestrator:
        yield await orchestrator.create_scenario(cfg)


@pytest.fixture
async def run(scenario: Scenario) -> Run:
    return run_of(await scenario.submit().wait())


def edit(version: int, job_id: str | None = None, at: float = 1.0) -> Edit:
    return Edit(
        version=version,
        at=datetime.fromtimestamp(at, UTC),
        job_id=job_id,
        editor_id=None,
        comment="",
        is_kept=True,
    )


async def test_a_job_writes_its_outputs(run: Run) -> None:
    assert [writer_of(run, name) for name in ("n1", "n2")] == [0, 1]

    with pytest.raises(UsageError, match=rf"no job of {run.id} writes 'n0'.*n1, n2"):
        writer_of(run, "n0")


async def test_a_run_without_outputs_says_so() -> None:
    config = flows.configuration("development")
    node = config.configure_data_node("node", default_data=1)
    cfg = config.configure_scenario("s", config.configure_task("t", repr, node))

    async with Orchestrator(config, ":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        done = run_of(await scenario.submit())

    with pytest.raises(UsageError, match="its outputs are none"):
        writer_of(done, "node")


async def test_the_edit_of_a_run_is_that_of_its_job(
    run: Run, scenario: Scenario
) -> None:
    edits = await scenario.n1.edits()
    assert edit_of(run, 0, edits) == edits[0]
    others = [edit(1), edits[0], edit(9, "JOB_another")]
    assert edit_of(run, 0, others) == edits[0]
    assert edit_of(run, 0, [edit(1)]) is None


async def test_a_job_that_failed_has_made_no_edit(run: Run) -> None:
    assert edit_of(run, 1, [edit(1, run.job(1).id)]) is None
    assert why_unwritten(run.job(1)) == (
        f"{run.job(1).id}, which writes it in this run, is FAILED: ValueError: no 2"
    )


async def test_a_job_that_was_skipped_stands_for_the_edit_before(
    config: Configuration,
) -> None:
    config = flows.configuration("development")
    cfg = flows.single(config, flows.double, skippable=True)

    async with Orchestrator(config, ":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        first = run_of(await scenario.submit())
        again = run_of(await scenario.submit())
        (made,) = await scenario.result.edits()

    end = again.job(0).finished_at
    assert end is not None
    assert again.job(0).id != first.job(0).id == made.job_id
    later = edit(9, "JOB_later", end + 1)
    assert edit_of(again, 0, [edit(1, at=1.0), made, later]) == made
    assert edit_of(again, 0, [later]) is None


async def test_a_job_that_has_not_ended_has_made_no_edit(scenario: Scenario) -> None:
    submission = scenario.submit()
    run = run_of(submission)
    assert edit_of(run, 0, [edit(1, run.job(0).id)]) is None
    assert why_unwritten(run.job(0)).endswith("is PENDING")
    await submission.wait()
