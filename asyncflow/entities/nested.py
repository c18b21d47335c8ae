"""Runs that a job waits for: where the job has a slot, others have it meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Protocol

from asyncflow.log import logger as _logger
from asyncflow.runs.watchers import Watchers
from asyncflow.worker.current import CurrentJob, current_job, job_here

if TYPE_CHECKING:
    from asyncflow.events import Event


class Lender(Protocol):
    """Gives others the slot of a job."""

    def slot_lent(self, job: CurrentJob) -> AbstractContextManager[None]: ...


async def over(lender: Lender, run_id: str, watchers: Watchers) -> None:
    """Wait in a job until a run has ended. On cancel only the waiting ends."""
    with _slot_lent(lender, run_id):
        await watchers.over()


def events(
    lender: Lender, run_id: str, given: AsyncIterator[Event]
) -> AsyncIterator[Event]:
    """Return the events of a run; a job that takes them waits for it."""
    return given if job_here.get() is None else _waited_for(lender, run_id, given)


async def _waited_for(
    lender: Lender, run_id: str, given: AsyncIterator[Event]
) -> AsyncIterator[Event]:
    with _slot_lent(lender, run_id):
        async for event in given:
            yield event


@contextmanager
def _slot_lent(lender: Lender, run_id: str) -> Iterator[None]:
    job = current_job()
    assert job is not None  # it is asked for in one

    if job.submission_id == run_id:
        _logger.warning(
            "the job %s waits for %s, of which it is a part: that may never end",
            *(job.id, run_id),
        )

    with lender.slot_lent(job):
        yield
