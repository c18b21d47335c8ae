"""What is done to all runs that a filter finds, not only to those of a page."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from asyncflow.acting import SUBMITTED_BY
from asyncflow.errors import AsyncflowError
from asyncflow.orchestrator import Orchestrator
from asyncflow.records import SubmissionRecord
from asyncflow.status import SubmissionStatus

AT_ONCE = 1000
"""How many runs are looked up at once."""


async def cancel_all(
    orchestrator: Orchestrator, filters: Mapping[str, Any], why: str
) -> int:
    """Cancel the runs that have not ended; return how many.

    :param filters: which runs are meant, as `Orchestrator.submissions` takes it
    """
    count = 0

    async for record in _all(orchestrator, filters, is_finished=False):
        (await orchestrator.get_submission(record.id)).cancel(why)
        count += 1

    return count


async def retry_all(
    orchestrator: Orchestrator, filters: Mapping[str, Any], user: str
) -> int:
    """Start anew what has not completed in runs that failed; return of how many.

    Each of them is tried again once, however often this is asked for; what was started so
    and has failed, too, is tried again itself.

    :param filters: which runs are meant, as `Orchestrator.submissions` takes it
    :param user: who does it
    """
    count = 0

    async for record in _all(orchestrator, filters, is_finished=True):
        if record.status in (SubmissionStatus.FAILED, SubmissionStatus.CANCELED):
            count += await _tried_again(orchestrator, record.id, user)

    return count


async def _all(
    orchestrator: Orchestrator, filters: Mapping[str, Any], *, is_finished: bool
) -> AsyncGenerator[SubmissionRecord]:
    """Give all runs that a filter finds, of those that were there before."""
    last: SubmissionRecord | None = None

    while found := await orchestrator.submissions(
        **filters, after=last, is_finished=is_finished, newest_first=True, limit=AT_ONCE
    ):
        for record in found:
            yield record

        last = found[-1]


async def _tried_again(
    orchestrator: Orchestrator, submission_id: str, user: str
) -> bool:
    with suppress(AsyncflowError):  # what is not declared any more stays as it is
        run = await orchestrator.get_submission(submission_id)
        begun, key = datetime.now(UTC), f"once more after {submission_id}"
        again = run.retry_failed(idempotency_key=key, **{SUBMITTED_BY: user})
        await again.accepted()
        return again.submitted_at >= begun

    return False
