"""A session: what interrupts it while it is open, and what becomes of its runs then."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from anyio import fail_after

from asyncflow import (
    JobStarted,
    Orchestrator,
    Status,
    Submission,
    SubmissionCanceled,
    SubmissionInterrupted,
    SubmissionStatus,
    UsageError,
)
from asyncflow.runtime.signals import NUMBERS
from tests.support import flows, programs
from tests.support.flows import configuration, single

pytestmark = pytest.mark.anyio


class Runs:
    """A job that waits for a file, in orchestrators one after the other."""

    def __init__(self, folder: Path, store: Path | str) -> None:
        self.go = folder / "go"
        self.store = store
        self.config = configuration(workers=1, shutdown_grace=0.01)
        self.cfg = single(
            self.config, flows.wait_for_file, str(self.go), storage_type="pickle"
        )

    @asynccontextmanager
    async def begun(self) -> AsyncIterator[Submission]:
        async with Orchestrator(self.config, self.store) as orchestrator:
            submission = (await orchestrator.create_scenario(self.cfg)).submit()

            async for event in submission:
                if isinstance(event, JobStarted):
                    break

            yield submission

    async def goes_on(self, submission: Submission) -> None:
        """See a run end in another orchestrator."""
        self.go.touch()

        async with Orchestrator(self.config, self.store) as orchestrator:
            found = await orchestrator.get(submission.id)
            assert isinstance(found, Submission)

            with fail_after(30):
                await found

            assert found.is_adopted


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path, tmp_path / "runs.db")


@pytest.mark.parametrize("number", NUMBERS)
async def test_a_signal_before_it_is_left(
    runs: Runs, noted: list[int], number: signal.Signals
) -> None:
    async with runs.begun() as submission:
        os.kill(os.getpid(), number)

    assert noted == [number]

    with pytest.raises(SubmissionInterrupted, match="the next start on the same store"):
        await submission

    await runs.goes_on(submission)


@pytest.mark.smoke
async def test_a_signal_that_the_loop_handles(runs: Runs, noted: list[int]) -> None:
    handled = anyio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, handled.set)

    try:
        async with runs.begun() as submission:
            os.kill(os.getpid(), signal.SIGINT)

            with fail_after(30):
                await handled.wait()
    finally:
        note = signal.getsignal(signal.SIGTERM)
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, note)

    assert noted == []
    await runs.goes_on(submission)


async def test_a_cancel_of_its_task(runs: Runs) -> None:
    with anyio.CancelScope() as scope:
        async with runs.begun() as submission:
            scope.cancel()
            await anyio.sleep_forever()

    assert isinstance(submission.error(), SubmissionInterrupted)
    await runs.goes_on(submission)


async def test_what_was_taken_over_and_is_left_is_told(
    runs: Runs, caplog: pytest.LogCaptureFixture
) -> None:
    with anyio.CancelScope() as scope:
        async with runs.begun() as submission:
            scope.cancel()
            await anyio.sleep_forever()

    async with Orchestrator(runs.config, runs.store) as orchestrator:
        found = await orchestrator.get_submission(submission.id)

        with fail_after(30):
            async for event in found:
                if isinstance(event, JobStarted):
                    break

        caplog.clear()

    (said,) = caplog.messages
    assert said.startswith(
        f"leaving the orchestrator interrupts 1 run that it has taken over ({found.id}): "
        "another process, or the next start, goes on with it"
    )
    await runs.goes_on(submission)


async def test_two_cancels_of_its_task(runs: Runs) -> None:
    holding, leaving = anyio.Event(), anyio.Event()
    begun: list[Submission] = []

    async def hold() -> None:
        async with runs.begun() as submission:
            begun.append(submission)
            holding.set()

            try:
                await anyio.sleep_forever()
            finally:
                leaving.set()

    task = asyncio.create_task(hold())

    with fail_after(30):
        await holding.wait()
        task.cancel()
        await leaving.wait()
        task.cancel()
        await asyncio.wait({task})

    assert task.cancelled()
    await runs.goes_on(begun[0])


async def test_an_error_cancels(runs: Runs) -> None:
    with pytest.raises(ZeroDivisionError):
        async with runs.begun() as submission:
            raise ZeroDivisionError

    await is_canceled(runs, submission, "the orchestrator was closed")


async def test_a_run_that_is_cancelled_already_stays_so(
    runs: Runs, noted: list[int]
) -> None:
    async with runs.begun() as submission:
        submission.cancel("not any more")
        os.kill(os.getpid(), signal.SIGINT)

    assert noted == [signal.SIGINT]
    await is_canceled(runs, submission, "not any more")


async def is_canceled(runs: Runs, submission: Submission, reason: str) -> None:
    with pytest.raises(SubmissionCanceled, match=reason) as raised:
        await submission

    assert type(raised.value) is SubmissionCanceled

    async with Orchestrator(runs.config, runs.store) as orchestrator:
        (record,) = await orchestrator.submissions()
        assert (record.status, record.reason) == ("CANCELED", reason)


async def test_in_memory_nothing_can_go_on(tmp_path: Path, noted: list[int]) -> None:
    async with Runs(tmp_path, ":memory:").begun() as submission:
        os.kill(os.getpid(), signal.SIGINT)

    assert noted == [signal.SIGINT]
    assert submission.status is SubmissionStatus.CANCELED
    assert type(submission.error()) is SubmissionCanceled


async def test_what_has_not_started_does_not_start(
    runs: Runs, noted: list[int]
) -> None:
    """The only worker is busy: one that is being started may be ready any moment."""
    async with Orchestrator(runs.config, runs.store) as orchestrator:
        busy = (await orchestrator.create_scenario(runs.cfg)).submit()

        async for event in busy:
            if isinstance(event, JobStarted):
                break

        submission = (await orchestrator.create_scenario(runs.cfg)).submit()
        os.kill(os.getpid(), signal.SIGINT)

    assert noted == [signal.SIGINT]
    assert [job.status for job in submission.jobs] == [Status.CANCELED]
    assert submission.jobs[0].run_at is None
    await runs.goes_on(submission)


FORKED = """
import os, signal
import anyio
from asyncflow import Orchestrator

async def main():
    async with Orchestrator(store=":memory:"):
        pid = os.fork()

        if not pid:
            os.kill(os.getpid(), signal.SIGTERM)
            os._exit(1)

        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

import warnings
warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads
anyio.run(main)
"""


def test_a_fork_dies_as_others_do(tmp_path: Path) -> None:
    out = programs.run("-c", FORKED, folder=tmp_path)
    assert out.split() == [str(-signal.SIGTERM.value)]


async def test_another_thread_does_not_close_it() -> None:
    config = configuration("development")

    async with Orchestrator(config, ":memory:") as orchestrator:

        def close() -> None:
            asyncio.run(orchestrator.close())

        with pytest.raises(UsageError, match="from another thread than the event loop"):
            await anyio.to_thread.run_sync(close)

        assert orchestrator.is_open
