"""A slot: the next load of a long chain of short jobs is got ready while the last runs."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
from anyio import fail_after

from asyncflow import (
    Configuration,
    JobFinished,
    Orchestrator,
    Retry,
    Status,
    SubmissionFailed,
)
from asyncflow.entities.scenario import Scenario
from asyncflow.gc_pause import NEVER
from tests.support import flows, waiting

pytestmark = pytest.mark.anyio

LINKS = 400
BAD = 300


def add_or_fail(value: int) -> int:
    if value == BAD:
        raise ValueError("as told")

    return value + 1


def add_or_exit(value: int) -> int:
    if value == BAD:
        raise SystemExit(3)

    return value + 1


async def short_chain(
    orchestrator: Orchestrator, function: flows.Function, **options: object
) -> Scenario:
    """Return a scenario of a chain whose function is known to be short."""
    short = flows.single(orchestrator.config, function)
    await flows.make_short(orchestrator, await orchestrator.create_scenario(short))
    config = flows.chain(orchestrator.config, *[function] * LINKS, **options)
    return await orchestrator.create_scenario(config)


@pytest.mark.parametrize("function", [add_or_fail, add_or_exit])
async def test_a_link_that_fails(
    orchestrator: Orchestrator, function: flows.Function
) -> None:
    scenario = await short_chain(orchestrator, function)

    with fail_after(20), pytest.raises(SubmissionFailed):
        await scenario.submit()

    submission = await scenario.submit().wait()
    assert submission.counts() == {
        Status.COMPLETED: BAD - 1,
        Status.FAILED: 1,
        Status.ABANDONED: LINKS - BAD,
    }
    assert submission.jobs[BAD - 1].status is Status.FAILED


@pytest.mark.smoke
async def test_a_link_that_is_tried_again(orchestrator: Orchestrator) -> None:
    scenario = await short_chain(orchestrator, add_or_fail, retry=Retry(3))

    with fail_after(20):
        submission = await scenario.submit().wait()

    assert submission.jobs[BAD - 1].attempt == 3
    assert submission.counts()[Status.ABANDONED] == LINKS - BAD


async def test_a_run_that_is_cancelled_in_the_middle(
    orchestrator: Orchestrator,
) -> None:
    scenario = await short_chain(orchestrator, flows.identity)
    submission = scenario.submit()

    with fail_after(20):
        async for event in submission:
            if isinstance(event, JobFinished):
                submission.cancel()
                break

        await submission.wait()
        assert set(submission.counts()) <= {Status.COMPLETED, Status.CANCELED}
        assert submission.counts()[Status.COMPLETED] >= 1
        assert (await scenario.submit()).counts() == {Status.COMPLETED: LINKS}


async def test_a_link_that_is_cancelled_ahead(orchestrator: Orchestrator) -> None:
    scenario = await short_chain(orchestrator, flows.identity)
    submission = scenario.submit()

    with fail_after(20):
        async for event in submission:
            if isinstance(event, JobFinished):
                submission.jobs[-1].cancel()
                submission.jobs[LINKS // 2].cancel()
                break

        await submission.wait()

    assert all(job.is_finished for job in submission.jobs)
    assert orchestrator._session.engine is not None
    assert orchestrator._session.engine.scheduler._plan.is_idle


async def test_chains_do_not_keep_others_from_a_slot(
    orchestrator: Orchestrator,
) -> None:
    long = await short_chain(orchestrator, flows.identity)
    chains = [long.submit() for _ in range(8)]
    other = await orchestrator.create_scenario(
        flows.single(orchestrator.config, flows.identity)
    )

    with fail_after(20):
        await other.submit()
        assert not all(chain.is_finished for chain in chains)

        for chain in chains:
            await chain


def add_and_print(value: int) -> int:
    print(value)
    return value + 1


async def test_links_that_print(capsys: pytest.CaptureFixture[str]) -> None:
    async with Orchestrator(flows.configuration(echo=True), ":memory:") as one:
        scenario = await short_chain(one, add_and_print)

        with fail_after(20):
            submission = await scenario.submit()

        outputs = [await job.output() for job in submission.jobs]

    assert outputs == [f"{index + 1}\n" for index in range(LINKS)]
    assert capsys.readouterr().out.endswith("".join(outputs))


async def test_links_whose_values_are_large(orchestrator: Orchestrator) -> None:
    """They are in files, which go with the next version."""
    scenario = await short_chain(orchestrator, add_to_many)

    with fail_after(20):
        await scenario.submit()
        await scenario.submit()

    assert len(await scenario.data_nodes[f"n{LINKS}"].read()) == 100_000


def add_to_many(value: object) -> bytes:
    return b"." * (100_000 if value else 1)


@pytest.mark.parametrize("is_canceled", [False, True])
async def test_full_garbage_collections_wait_while_short_jobs_run(
    config: Configuration, is_canceled: bool
) -> None:
    before, seen = gc.get_threshold(), set()

    with fail_after(20):
        async with Orchestrator(config) as orchestrator:
            scenario = await short_chain(orchestrator, flows.identity)
            submission = scenario.submit()

            async for event in submission:
                seen.add(gc.get_threshold()[2])

                if is_canceled and isinstance(event, JobFinished):
                    submission.cancel()

            assert NEVER in seen

    assert gc.get_threshold() == before


async def test_full_garbage_collections_go_on_while_a_job_takes_its_time(
    orchestrator: Orchestrator, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    config = flows.single(orchestrator.config, waiting.wait_for, str(gate))
    scenario = await orchestrator.create_scenario(config)
    submission = scenario.submit()

    with fail_after(20):
        await flows.until_started(submission)
        assert gc.get_threshold()[2] < NEVER
        gate.touch()
        await submission
