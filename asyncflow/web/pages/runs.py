"""The runs: a list with its filters in the address, and what is done to all of them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from typing import Any

import attrs
from anyio import move_on_after
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from asyncflow.errors import AsyncflowError
from asyncflow.events import SubmissionFinished, SubmissionStarted
from asyncflow.orchestrator import Orchestrator
from asyncflow.records import SubmissionRecord
from asyncflow.status import SubmissionStatus
from asyncflow.web.access import user_of
from asyncflow.web.forms import form, place
from asyncflow.web.live import EventStream, pause, replaced
from asyncflow.web.site import Site, seen

SHOWN = 50
"""How many runs a page has."""

LOOK = 2.0
"""After how many seconds the list is looked at again, as long as somebody looks at it."""

AT_ONCE = 1000
"""How many runs are cancelled, or tried again, by one click."""


@attrs.frozen(eq=False)
class RunsPage:
    """The list of runs."""

    site: Site

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
        asked = dict(request.query_params)
        facts = await self._facts(request, asked)
        return self.site.page(
            request,
            "runs",
            statuses=[*SubmissionStatus],
            live=not facts["offset"],
            **facts,
        )

    async def live(self, request: Request) -> Response:
        """Send the first page of the list anew whenever a run begins or ends."""
        return EventStream(self._changes(request))

    async def _changes(self, request: Request) -> AsyncGenerator[str]:
        orchestrator, number = self.site.find(request), 0
        last = ""

        async with orchestrator.events(SubmissionStarted, SubmissionFinished) as events:
            while True:
                facts = await self._facts(request, dict(request.query_params))
                table = self.site.part("runs_table", root="./", **facts)

                if table != last:
                    last = table
                    number += 1
                    yield replaced({"runs": table}, number)

                # What other processes begin and end is no event here.
                with move_on_after(LOOK):
                    await anext(events)

                await pause()

    async def _facts(
        self, request: Request, asked: Mapping[str, str]
    ) -> dict[str, Any]:
        offset = place(asked.get("offset", ""))
        found = await self._found(request, asked, limit=SHOWN + 1, offset=offset)
        return {
            "asked": {key: text for key, text in asked.items() if key != "notice"},
            "notice": asked.get("notice", ""),
            "runs": found[:SHOWN],
            "has_more": len(found) > SHOWN,
            "offset": offset,
            "shown": SHOWN,
        }

    async def _found(
        self, request: Request, asked: Mapping[str, str], limit: int, offset: int = 0
    ) -> list[SubmissionRecord]:
        status = asked.get("status") or None
        known = status if status in [*SubmissionStatus] else None
        return await self.site.find(request).submissions(
            status=known,
            scenario_id=asked.get("scenario") or None,
            newest_first=True,
            limit=limit,
            offset=offset,
        )

    async def cancel(self, request: Request) -> Response:
        """Cancel all runs that the filter finds and that have not ended."""
        orchestrator, asked = self.site.find(request), await form(request)
        count = 0

        for record in await self._found(request, asked, AT_ONCE):
            if record.finished is None:
                submission = await orchestrator.get_submission(record.id)
                submission.cancel(f"cancelled by {user_of(request)}")
                count += 1

        return seen(request, "runs", f"{count} runs are being cancelled")

    async def retry(self, request: Request) -> Response:
        """Start anew what has not completed in the runs that the filter finds."""
        orchestrator, asked = self.site.find(request), await form(request)
        count = 0

        for record in await self._found(request, asked, AT_ONCE):
            if record.status in (SubmissionStatus.FAILED, SubmissionStatus.CANCELED):
                count += await _tried_again(orchestrator, record.id)

        return seen(request, "runs", f"{count} runs have begun anew")


async def _tried_again(orchestrator: Orchestrator, submission_id: str) -> bool:
    with suppress(AsyncflowError):  # what is not declared any more stays as it is
        (await orchestrator.get_submission(submission_id)).retry_failed()
        return True

    return False
