"""The runs that have not ended: their numbers, and what is saved of their ends."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from anyio import create_task_group, fail_after
from anyio.lowlevel import checkpoint

from asyncflow import Configuration
from asyncflow.dispatch.runs import Runs
from asyncflow.entities.submission import Run
from asyncflow.records import Record, SubmissionRecord
from asyncflow.status import Status
from asyncflow.stores.memory import MemoryStore
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
