"""The runs: a list with its filters in the address, and what is done to all of them."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

import attrs
from anyio import move_on_after
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from asyncflow.ids import config_of
from asyncflow.options import Page
from asyncflow.orchestrator import Orchestrator
from asyncflow.records import ScenarioRecord, SubmissionRecord
from asyncflow.status import Status, SubmissionStatus
from asyncflow.web.access import cancelled_by, user_of
from asyncflow.web.bulk import cancel_all, retry_all
from asyncflow.web.forms import asked, form, moment, only
from asyncflow.web.latest import Parts, Views
from asyncflow.web.live import EventStream, pause
from asyncflow.web.news import News
from asyncflow.web.site import Site, seen

SHOWN = 50
"""How many runs a page has."""

FAILURES = 200
"""How many failed jobs are looked at to say why runs have failed."""

LOOK = 2.0
"""After how many seconds the list is looked at again, as long as somebody looks at it."""

FILTERS = ("status", "scenario", "config", "cycle", "tag", "text", "from", "to")
"""The parts of the address that say which runs are meant."""


@attrs.frozen(eq=False)
class RunsPage:
    """The list of runs."""

    site: Site
    _views: Views = attrs.field(init=False, factory=Views)
    _news: News = attrs.field(init=False, factory=News)

    @property
    def routes(self) -> list[Route]:
        """Where it answers."""
        return [
            Route("/", self.show),
            Route("/runs", self.show),
            Route("/runs/live", self.live),
            Route("/runs/cancel", self.cancel, methods=["POST"]),
            Route("/runs/retry", self.retry, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """Show a page of the list."""
        orchestrator = self.site.find(request)
        facts = await self._facts(request, asked(request, *FILTERS, "sort", "after"))
        cycles = await orchestrator.cycles(newest_first=True, limit=100)
        return self.site.page(
            request,
            "runs",
            statuses=[*SubmissionStatus],
            configs=sorted(orchestrator.config.scenarios),
            cycles=cycles,
            filters=FILTERS,
            live="after" not in facts["asked"],
            **facts,
        )

    async def live(self, request: Request) -> Response:
        """Send the first page of the list anew whenever a run begins or ends."""
        return EventStream(self._changes(request))

    async def _changes(self, request: Request) -> AsyncGenerator[str]:
        orchestrator = self.site.find(request)
        wanted = dict(request.query_params)
        last = wanted.pop("last", "")
        last = request.headers.get("last-event-id") or last
        known: Parts | None = None

        async def make() -> Parts:
            facts = await self._facts(request, wanted)
            return {"runs": self.site.part("runs_table", root="./", **facts)}

        key = (id(orchestrator), *sorted(wanted.items()))

        async with self._news.of(orchestrator) as news:
            with self._views.of(key) as view:
                since = time.monotonic()

                while True:
                    latest = await view.latest(since, make, is_final=False)

                    if event := latest.news(known, last):
                        yield event

                    known = latest.parts

                    # What other processes begin and end is no event here.
                    with move_on_after(LOOK) as waiting:
                        await news.wait()

                    since = time.monotonic() - LOOK * waiting.cancelled_caught
                    await pause()

    async def _facts(
        self, request: Request, wanted: Mapping[str, str]
    ) -> dict[str, Any]:
        orchestrator = self.site.find(request)
        found = await _found(orchestrator, wanted, SHOWN + 1)
        return {
            "asked": {
                key: text for key, text in wanted.items() if text and key != "notice"
            },
            "notice": wanted.get("notice", ""),
            "runs": found[:SHOWN],
            "names": await _names(orchestrator, found[:SHOWN]),
            "reasons": await reasons_of(orchestrator, found[:SHOWN]),
            "has_more": len(found) > SHOWN,
        }

    async def cancel(self, request: Request) -> Response:
        """Cancel all runs that the filter finds and that have not ended."""
        filters, why = await _meant(request), cancelled_by(request)
        count = await cancel_all(self.site.find(request), filters, why)
        return seen(request, "runs", f"{count} runs are being cancelled")

    async def retry(self, request: Request) -> Response:
        """Start anew what has not completed in the runs that the filter finds."""
        filters, user = await _meant(request), user_of(request)
        count = await retry_all(self.site.find(request), filters, user)
        return seen(request, "runs", f"{count} runs have begun anew")


async def _meant(request: Request) -> dict[str, Any]:
    """Return which runs a form means: never more than it says.

    :raises HTTPException: where it has something else
    """
    fields = await form(request)
    only(fields, *FILTERS)
    return _filters(fields)


def _filters(given: Mapping[str, str]) -> dict[str, Any]:
    """Return which runs an address, or a form, means.

    :raises HTTPException: where there are none such
    """
    try:
        return {
            "status": SubmissionStatus(given["status"])
            if given.get("status")
            else None,
            "scenario_id": given.get("scenario") or None,
            "config_id": given.get("config") or None,
            "cycle": given.get("cycle") or None,
            "tag": given.get("tag") or None,
            "text": given.get("text") or None,
            "submitted_from": moment(given.get("from", "")),
            "submitted_to": moment(given.get("to", "")),
        }
    except ValueError as error:
        raise HTTPException(400, str(error)) from error


async def _names(
    orchestrator: Orchestrator, runs: Sequence[SubmissionRecord]
) -> dict[str, str]:
    """Return the names of the scenarios of runs, by their ids, of those that have one."""
    found = {}

    for scenario_id in {run.scenario_id for run in runs}:
        record = await orchestrator.store.get(scenario_id)

        if isinstance(record, ScenarioRecord) and record.name:
            found[scenario_id] = record.name

    return found


async def reasons_of(
    orchestrator: Orchestrator, runs: Sequence[SubmissionRecord]
) -> dict[str, str]:
    """Return why runs have failed: the first failed job of each, and its reason."""
    failed = [run.id for run in runs if run.status == SubmissionStatus.FAILED]

    if not failed:
        return {}

    jobs = await orchestrator.store.jobs(
        submission_ids=failed, status=Status.FAILED, page=Page(limit=FAILURES)
    )
    return {
        job.submission_id: f"{config_of(job.id)}: {job.reason}"
        for job in reversed(jobs)
    }


async def _found(
    orchestrator: Orchestrator, wanted: Mapping[str, str], limit: int
) -> list[SubmissionRecord]:
    """Return the runs that an address asks for.

    :raises HTTPException: where it has no filter that can be
    :raises NotFound: where the last run of the page before is no longer there
    """
    filters, after = _filters(wanted), wanted.get("after") or None

    try:
        found = await orchestrator.submissions(
            **filters,
            sort_key=wanted.get("sort") or "submitted",
            newest_first=True,
            limit=limit,
            after=after,
        )
    except ValueError as error:
        raise HTTPException(400, str(error)) from error

    if after and not found:
        await orchestrator.get_submission(after)  # else the list only seems to end

    return found
