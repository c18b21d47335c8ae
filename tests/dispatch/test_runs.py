"""The runs that have not ended: their numbers, and what is saved of their ends."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from anyio import create_task_group, fail_after
from anyio.lowlevel import checkpoint

from asyncflow import Configuration, Orchestrator, SubmissionStatus
from asyncflow.dispatch.runs import AT_ONCE, Runs
from asyncflow.entities.submission import Run
from asyncflow.records import Record, SubmissionRecord
from asyncflow.status import Status
from asyncflow.stores.memory import MemoryStore
from asyncflow.values.versions import TURN
from tests.support import flows
from tests.support.attempts import call_spec
from tests.support.entities import USAGE, complete, make_run, make_scenario
from tests.support.records import job_record

pytestmark = pytest.mark.anyio


class Durable(MemoryStore):
    """Seems to outlive an orchestrator."""

    values_folder = "/values"


class Full(MemoryStore):
    """Keeps nothing."""

    def save(self, *_: Record) -> None:
        raise OSError("the disk is full")


@pytest.fixture
async def run(config: Configuration) -> Run:
    return make_run(await make_scenario(flows.fan(config, flows.double, 2)))


@pytest.fixture
async def runs() -> AsyncIterator[Runs]:
    async with MemoryStore() as store:
        yield Runs(store)


@pytest.fixture
async def durable() -> AsyncIterator[Runs]:
    async with Durable() as store:
        yield Runs(store)


async def test_a_run_has_a_number_as_long_as_it_is_under_way(
    run: Run, runs: Runs
) -> None:
    spec = call_spec()
    number = runs.add(run, [spec, spec])
    assert runs[number] is run
    assert number in runs
    assert runs.number(run) == number
    assert runs.numbered() == [(run, number)]
    assert runs.job((number, 1)) is run.job(1)
    assert runs.spec((number, 0)) is spec
    assert runs.forget(number) is run
    assert number not in runs
    assert runs.number(run) is None
    assert runs.all() == []


async def test_its_end_is_saved(run: Run, runs: Runs) -> None:
    number = runs.add(run, [call_spec()] * 2)
    run.completed([(0, USAGE), (1, USAGE)], 3.0)
    runs.finish(number, 4.0)
    await runs.store.flush()
    record = await runs.store.get(run.id)
    assert isinstance(record, SubmissionRecord)
    assert (record.status, record.finished) == ("COMPLETED", 4.0)


async def test_an_end_that_cannot_be_saved_is_a_failure(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    async with Full() as store:
        runs = Runs(store)
        complete(run)
        runs.finish(runs.add(run, [call_spec()] * 2), 4.0)

    assert isinstance(run.ending.failure, OSError)
    assert f"the end of {run.id} was not kept" in caplog.text


async def test_without_a_store_that_outlives_us_an_interrupted_run_is_cancelled(
    run: Run, runs: Runs
) -> None:
    runs.interrupt(runs.add(run, []), "a signal has come")
    assert (run.ending.cancel_reason, run.ending.interrupt_reason) == (
        "a signal has come",
        None,
    )


async def test_what_goes_on_elsewhere_is_not_saved_as_cancelled(
    run: Run, durable: Runs
) -> None:
    number = durable.add(run, [])
    durable.interrupt(number, "a signal has come")
    assert (run.ending.cancel_reason, run.ending.interrupt_reason) == (
        None,
        "a signal has come",
    )

    for place, status in enumerate((Status.CANCELED, Status.COMPLETED, Status.FAILED)):
        durable.save(number, status, job_record(place, status=status))

    durable.finish(number, 4.0)
    await durable.store.flush()
    kept = {record.status for record in await durable.store.jobs()}
    assert kept == {Status.COMPLETED, Status.FAILED}
    assert await durable.store.get(run.id) is None


async def test_who_waits_goes_on_once_no_run_is_left(run: Run, runs: Runs) -> None:
    number = runs.add(run, [])
    passed: list[bool] = []

    async def wait() -> None:
        await runs.drain()
        passed.append(True)

    with fail_after(10):
        async with create_task_group() as group:
            group.start_soon(wait)
            await checkpoint()
            await checkpoint()
            assert not passed
            runs.forget(number)

        another = runs.add(run, [])
        runs.broken()
        await runs.drain()  # nothing ends any more
        assert another in runs


async def test_runs_that_are_lost_have_ended_for_who_waits(
    run: Run, runs: Runs
) -> None:
    runs.add(run, [])
    runs.lose(5.0, "nobody knows", RuntimeError("gone"))
    assert runs.all() == []

    with fail_after(10):
        await run.watchers.over()

    assert isinstance(run.error(), RuntimeError)
    assert run.table.counts() == {Status.CANCELED: 2}


@pytest.mark.smoke
async def test_so_many_jobs_are_taken_in_at_once_from_however_many_runs(
    orchestrator: Orchestrator,
) -> None:
    cfg = flows.fan(orchestrator.config, flows.identity, AT_ONCE // 2)
    scenarios = [await orchestrator.create_scenario(cfg) for _ in range(4)]
    runs = [scenario.submit() for scenario in scenarios]

    assert [run.status for run in runs] == [
        *[SubmissionStatus.PENDING] * 2,
        *[SubmissionStatus.SUBMITTED] * 2,
    ]

    with fail_after(20):
        for run in runs:
            assert (await run).status is SubmissionStatus.COMPLETED


async def test_who_gives_places_to_earlier_jobs_takes_in_the_later_ones_too(
    orchestrator: Orchestrator,
) -> None:
    """A second run has the jobs of the first one, which was alone, get their places."""
    cfg = flows.fan(orchestrator.config, flows.identity, AT_ONCE)
    scenario = await orchestrator.create_scenario(cfg)
    first = scenario.submit()

    for _ in range(3):
        await checkpoint()

    second = scenario.submit()

    with fail_after(20):
        assert (await first).status is SubmissionStatus.COMPLETED
        assert (await second).status is SubmissionStatus.COMPLETED


async def test_many_reads_of_small_values_let_others_go_on(
    orchestrator: Orchestrator,
) -> None:
    scenario = await orchestrator.create_scenario(
        flows.single(orchestrator.config, flows.identity)
    )
    turns = 0
    is_over = False

    async def count() -> None:
        nonlocal turns

        while not is_over:
            turns += 1
            await checkpoint()

    async with create_task_group() as group:
        group.start_soon(count)

        for _ in range(3 * TURN):
            await scenario.source.read()

        is_over = True

    assert turns >= 3
