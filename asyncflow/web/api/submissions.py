"""Runs, over the API."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import attrs
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from asyncflow.acting import SUBMITTED_BY
from asyncflow.entities.submission import Submission
from asyncflow.web.access import cancelled_by, user_of
from asyncflow.web.api.operation import (
    ANY,
    DATE,
    LONGEST_WAIT,
    PAGE,
    TEXT,
    Answered,
    Asked,
    Operation,
    Parameter,
    answer,
    listed,
    moment_of,
)
from asyncflow.web.api.schemas import (
    RUN_FILTERS,
    STATUS,
    SUBMISSION,
    SUBMISSIONS,
    WHOLE_SUBMISSION,
    submission,
    submission_record,
)
from asyncflow.web.bulk import cancel_all, retry_all
from asyncflow.web.forms import place
from asyncflow.web.live import ENDED, EventStream
from asyncflow.web.reports import report
from asyncflow.web.run_feeds import RunFeeds
from asyncflow.web.site import Site, root_of

WAIT = Parameter(
    "wait",
    {"type": "number", "minimum": 0, "maximum": LONGEST_WAIT},
    "how many seconds to wait for the end",
)

KEY = Parameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1},
    "a text of the client's: the same run is returned for it, whoever asks again",
    "header",
)

FILTERS = (
    Parameter("config_id", TEXT, "the config of their scenarios"),
    Parameter("cycle", TEXT, "the id of the cycle of their scenarios"),
    Parameter("tag", TEXT, "a tag of their scenarios"),
    Parameter(
        "text",
        TEXT,
        "a part of their id, their scenario's name, their reason, or that of a failed job",
    ),
    Parameter("submitted_from", DATE, "the first time"),
    Parameter("submitted_to", DATE, "the time before which they were submitted"),
    Parameter(
        "sort_key",
        {"type": "string", "enum": ["submitted", "duration"], "default": "submitted"},
        "what they are sorted by",
    ),
    Parameter("after", TEXT, "the id of the last one of the page before"),
)


@attrs.frozen(eq=False)
class Submissions:
    """Operations on runs."""

    site: Site
    _feeds: RunFeeds = attrs.field(init=False, factory=RunFeeds)

    @property
    def operations(self) -> list[Answered]:
        """What can be asked for."""
        return [*self._to_read(), *self._others(), *self._of_all()]

    def _to_read(self) -> list[Answered]:
        return [
            (
                Operation(
                    method="GET",
                    path="/submissions",
                    name="list_submissions",
                    what="List runs.",
                    parameters=(
                        Parameter("status", STATUS, "the status that they have"),
                        Parameter("scenario_id", TEXT, "the scenario that they are of"),
                        *FILTERS,
                        *PAGE,
                    ),
                    answers={200: listed(SUBMISSION)},
                ),
                self.many,
            ),
            (
                Operation(
                    method="GET",
                    path="/submissions/{id}",
                    name="get_submission",
                    what="Return a run as things are now.",
                    parameters=(WAIT,),
                    answers={200: WHOLE_SUBMISSION},
                ),
                self.get,
            ),
            (
                Operation(
                    method="POST",
                    path="/submissions/{id}/cancel",
                    name="cancel_submission",
                    what="Ask for the end of a run.",
                    takes={"reason": TEXT},
                    answers={202: WHOLE_SUBMISSION},
                ),
                self.cancel,
            ),
        ]

    def _others(self) -> list[Answered]:
        return [
            *(
                (
                    Operation(
                        method="POST",
                        path=f"/submissions/{{id}}/{verb}",
                        name=f"{verb}_submission",
                        what=what,
                        answers={200: WHOLE_SUBMISSION},
                    ),
                    act,
                )
                for verb, what, act in (
                    ("pause", "Start no more jobs of a run.", self.pause),
                    ("resume", "Have a paused run go on.", self.resume),
                )
            ),
            (
                Operation(
                    method="POST",
                    path="/submissions/{id}/retry",
                    name="retry_submission",
                    what="Start another run, of what has not completed in this one.",
                    parameters=(KEY,),
                    answers=ACCEPTED,
                ),
                self.retry,
            ),
            (
                Operation(
                    method="DELETE",
                    path="/submissions/{id}",
                    name="delete_submission",
                    what="Delete a run that has ended, with its jobs and what they printed.",
                    answers={204: None},
                ),
                self.delete,
            ),
            (
                Operation(
                    method="GET",
                    path="/submissions/{id}/report",
                    name="get_report",
                    what="Send a run as one file of HTML that loads nothing.",
                    answers={200: TEXT},
                    media="text/html",
                ),
                self.report,
            ),
        ]

    def _of_all(self) -> list[Answered]:
        return [
            *(
                (
                    Operation(
                        method="POST",
                        path=f"/submissions/{verb}",
                        name=f"{verb}_submissions",
                        what=what,
                        takes={**RUN_FILTERS, "all": {"type": "boolean"}},
                        answers={200: SUBMISSIONS},
                    ),
                    act,
                )
                for verb, what, act in (
                    (
                        "cancel",
                        "Ask for the end of all runs that a filter finds.",
                        self.cancel_all,
                    ),
                    (
                        "retry",
                        "Start anew what has not completed in all runs of a filter.",
                        self.retry_all,
                    ),
                )
            ),
            (
                Operation(
                    method="GET",
                    path="/submissions/{id}/events",
                    name="follow_submission",
                    what="Send the events of a run from the first, until it has ended.",
                    answers={200: ANY},
                    media="text/event-stream",
                ),
                self.events,
            ),
        ]

    async def many(self, request: Request, asked: Asked) -> Response:
        """List runs."""
        orchestrator, after = self.site.find(request), asked.query.get("after")
        found = await orchestrator.submissions(**_filters(asked), **asked.page)

        if after and not found:
            await orchestrator.get_submission(after)  # else the list only seems to end

        return answer(request, [submission_record(record) for record in found])

    async def get(self, request: Request, asked: Asked) -> Response:
        """Return a run."""
        run = await self.site.run(request)
        await run.wait(asked.query.get("wait", 0))
        return answer(request, submission(run))

    async def cancel(self, request: Request, asked: Asked) -> Response:
        """Cancel a run."""
        run = await self.site.run(request)
        run.cancel(cancelled_by(request, asked.body.get("reason", "")))
        return answer(request, submission(run), 202)

    async def pause(self, request: Request, _asked: Asked) -> Response:
        """Pause a run."""
        run = await self.site.run(request)
        await run.pause()

        if run.is_finished and not run.is_paused:
            raise HTTPException(409, f"{run.id} has ended: nothing of it can be paused")

        return answer(request, submission(run))

    async def resume(self, request: Request, _asked: Asked) -> Response:
        """Have a run go on."""
        run = await self.site.run(request)
        await run.resume()
        return answer(request, submission(run))

    async def retry(self, request: Request, asked: Asked) -> Response:
        """Retry a run."""
        key, by = asked.query.get(KEY.name), {SUBMITTED_BY: user_of(request)}
        run = await self.site.run(request)
        again = run.retry_failed(idempotency_key=key, **by)
        return await accepted(request, again, None)

    async def delete(self, request: Request, _asked: Asked) -> Response:
        """Delete a run."""
        run = await self.site.run(request)
        await self.site.find(request).delete(run.id)
        return Response(status_code=204)

    async def report(self, request: Request, _asked: Asked) -> Response:
        """Send a run as a file."""
        return await report(await self.site.run(request))

    async def cancel_all(self, request: Request, asked: Asked) -> Response:
        """Cancel the runs of a filter."""
        filters, why = _meant(asked), cancelled_by(request)
        count = await cancel_all(self.site.find(request), filters, why)
        return answer(request, {"submissions": count})

    async def retry_all(self, request: Request, asked: Asked) -> Response:
        """Retry the runs of a filter."""
        user = user_of(request)
        count = await retry_all(self.site.find(request), _meant(asked), user)
        return answer(request, {"submissions": count})

    async def events(self, request: Request, _asked: Asked) -> Response:
        """Send the events of a run."""
        last = request.headers.get("last-event-id", "")
        return EventStream(self._told(await self.site.run(request), place(last)))

    async def _told(self, run: Submission, before: int) -> AsyncGenerator[str]:
        async with aclosing(self._feeds.follow(run, before)) as events:
            async for text in events:
                yield text

        yield ENDED


def _meant(asked: Asked) -> dict[str, Any]:
    """Return which runs a body means.

    :raises HTTPException: where it has neither a filter nor says that all are meant, or both
    """
    filters = {**asked.body}
    are_all = filters.pop("all", False)

    if bool(filters) == are_all:
        how = (
            'give a filter such as {"status": "FAILED"}, or {"all": true} for all runs'
        )
        raise HTTPException(422, how + (": not both" if filters else ""))

    times = ("submitted_from", "submitted_to")
    return filters | {
        name: moment_of(name, filters[name]) for name in times if name in filters
    }


def _filters(asked: Asked) -> dict[str, Any]:
    times = ("submitted_from", "submitted_to")
    names = ("status", "scenario_id", *(field.name for field in FILTERS))
    found = {name: asked.query[name] for name in names if name in asked.query}
    return found | {name: asked.moment(name) for name in times if name in found}


async def accepted(request: Request, run: Submission, wait: float | None) -> Response:
    """Answer with a run that has begun: once it is on disk, or has ended.

    :param wait: how many seconds to wait for its end; None for not at all
    """
    await run.accepted()

    if wait:
        await run.wait(wait)

    location = f"{root_of(request)}api/submissions/{run.id}"
    status = 200 if run.is_finished else 202
    return answer(request, submission(run), status, {"location": location})


ACCEPTED = {200: WHOLE_SUBMISSION, 202: WHOLE_SUBMISSION}
