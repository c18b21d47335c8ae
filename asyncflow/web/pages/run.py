"""One run: its graph, its jobs, what it read and wrote, live."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

import attrs
from anyio import to_thread
from anyio.lowlevel import checkpoint
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from asyncflow.acting import SUBMITTED_BY
from asyncflow.entities.job import Job
from asyncflow.entities.submission import Submission
from asyncflow.entities.watching import watching
from asyncflow.status import Status
from asyncflow.web.access import Access, cancelled_by, user_of
from asyncflow.web.forms import asked, place
from asyncflow.web.latest import Parts, Views
from asyncflow.web.live import ENDED, EventStream, pause
from asyncflow.web.pages.run_history import history, never_written, waits_for
from asyncflow.web.reports import report
from asyncflow.web.site import Site, drawn, seen

SHOWN = 500
"""How many jobs a page has."""

DRAWN = 300
"""Pictures and values of more jobs are shown anew only when their run has ended."""

EVENTS = 1_000
"""Of how many jobs a page tells what has happened."""

FILTERS = ("status", "task")
"""The parts of the address that say which jobs are shown."""

VALUES = 100
"""How many inputs, and how many outputs, a page names."""

_DRAWN = {
    "values-list": "run_values",
    "dag": "run_dag",
    "gantt": "run_gantt",
    "events-list": "run_events",
}
"""The parts of a page that show it all, and their templates."""

TURN = 20
"""How many jobs are looked at before others have their turn on the event loop."""


@attrs.frozen(eq=False)
class RunPage:
    """One run."""

    site: Site
    _views: Views = attrs.field(init=False, factory=Views)

    @property
    def routes(self) -> list[Route]:
        """Where it answers."""
        return [
            Route("/runs/{id}", self.show),
            Route("/runs/{id}/live", self.live),
            Route("/runs/{id}/report", self.report),
            Route("/runs/{id}/cancel", self.cancel, methods=["POST"]),
            Route("/runs/{id}/pause", self.pause, methods=["POST"]),
            Route("/runs/{id}/resume", self.resume, methods=["POST"]),
            Route("/runs/{id}/retry", self.retry, methods=["POST"]),
            Route("/runs/{id}/delete", self.delete, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """Show it."""
        run, given = await self.site.run(request), asked(request, "from", *FILTERS)
        offset = place(given.get("from", ""))
        jobs = _wanted(run, given)
        return self.site.page(
            request,
            "run",
            run=run,
            jobs=jobs[offset : offset + SHOWN],
            asked={name: given[name] for name in FILTERS if given.get(name)},
            statuses=[*Status],
            count=len(jobs),
            offset=offset,
            step=SHOWN,
            **_head(run),
            **await to_thread.run_sync(_drawn, run),
            waiting=_waiting(run, jobs),
            notice=given.get("notice", ""),
        )

    async def live(self, request: Request) -> Response:
        """Send what changes, until the run has ended."""
        given = request.query_params
        last = request.headers.get("last-event-id") or given.get("last", "")
        may_write = request.state.access is Access.ALL
        return EventStream(
            self._changes(
                await self.site.run(request), dict(given), last, may_write=may_write
            )
        )

    async def _changes(
        self, run: Submission, given: Mapping[str, str], last: str, *, may_write: bool
    ) -> AsyncGenerator[str]:
        """Yield the parts of the page that have changed.

        :param given: which jobs it shows, as its address says
        :param last: the number of the last change that was seen
        """
        offset, is_large = place(given.get("from", "")), len(run.jobs) > DRAWN
        jobs = _wanted(run, given)[offset : offset + SHOWN]
        filters = tuple(given.get(name, "") for name in FILTERS)
        known: Parts | None = None

        async def make() -> Parts:
            is_drawn = is_finished or not is_large
            return await self._parts(run, jobs, is_drawn=is_drawn, may_write=may_write)

        with (
            watching(run) as change,
            self._views.of((run.id, offset, filters, may_write)) as view,
        ):
            since = time.monotonic()

            while True:
                is_finished = run.is_finished
                latest = await view.latest(since, make, is_final=is_finished)

                if news := latest.news(known, last):
                    yield news

                known = latest.parts

                if is_finished:
                    break

                await change()
                since = time.monotonic()
                await pause()

        yield ENDED

    async def _parts(
        self, run: Submission, jobs: Sequence[Job], *, is_drawn: bool, may_write: bool
    ) -> dict[str, str]:
        facts = {"root": "../", "may_write": may_write}
        parts = {"head": self.site.part("run_head", run=run, **_head(run), **facts)}

        if is_drawn:
            found = await to_thread.run_sync(_drawn, run)

            for name, template in _DRAWN.items():
                parts[name] = self.site.part(template, **found, **facts)
                await checkpoint()

        waiting = _waiting(run, jobs)

        for number, job in enumerate(jobs):
            parts[f"row-{job.id}"] = self.site.kept(
                "run_job",
                (
                    *(job.id, job.status, job.is_canceling, job.attempt, job.progress),
                    waiting.get(job.id),
                ),
                job=job,
                waits=waiting.get(job.id, ""),
                **facts,
            )

            if number % TURN == TURN - 1:
                await checkpoint()

        return parts

    async def report(self, request: Request) -> Response:
        """Send it as one file of HTML that loads nothing."""
        return await report(await self.site.run(request))

    async def cancel(self, request: Request) -> Response:
        """Cancel it."""
        run = await self.site.run(request)
        run.cancel(cancelled_by(request))
        return seen(request, f"runs/{run.id}")

    async def pause(self, request: Request) -> Response:
        """Start no more jobs of it."""
        run = await self.site.run(request)
        await run.pause()
        return seen(request, f"runs/{run.id}")

    async def resume(self, request: Request) -> Response:
        """Have it go on."""
        run = await self.site.run(request)
        await run.resume()
        return seen(request, f"runs/{run.id}")

    async def retry(self, request: Request) -> Response:
        """Start anew what has not completed."""
        by = {SUBMITTED_BY: user_of(request)}
        again = (await self.site.run(request)).retry_failed(**by)
        return seen(request, f"runs/{again.id}", "the new run")

    async def delete(self, request: Request) -> Response:
        """Delete it, with its jobs and what they printed."""
        submission_id = request.path_params["id"]
        await self.site.find(request).delete(submission_id)
        return seen(request, "runs", f"{submission_id} is deleted")


def _wanted(run: Submission, given: Mapping[str, str]) -> Sequence[Job]:
    """Return the jobs of a run that an address asks for.

    :raises HTTPException: where it names no status
    """
    status, task = given.get("status", ""), given.get("task", "").lower()

    if status and status not in [*Status]:
        raise HTTPException(400, f"there is no status {status!r:.50}")

    if not status and not task:
        return run.jobs

    return [
        job
        for job in run.jobs
        if (not status or job.status == status) and task in job.config_id.lower()
    ]


def pictures(run: Submission) -> dict[str, str]:
    """Draw a run: its graph, and when its jobs waited and ran."""
    return {"dag": drawn(run.dag()), "gantt": drawn(run.gantt())}


def _drawn(run: Submission) -> dict[str, Any]:
    """Return what takes long to find where a run is large; in a thread."""
    events = history(run, run.jobs[:EVENTS])
    return {**pictures(run), **_values(run), "events": events}


def _values(run: Submission) -> dict[str, Any]:
    inputs, outputs = [*run.inputs.items()], [*run.outputs.items()]
    named = inputs[:VALUES], outputs[:VALUES]
    count = len(inputs) + len(outputs) - len(named[0]) - len(named[1])
    return {"inputs": named[0], "outputs": named[1], "left_out": count}


def _head(run: Submission) -> dict[str, Any]:
    missing = never_written(run) if run.waits_for_data else []
    return {"error": error_of(run), "missing": missing}


def _waiting(run: Submission, jobs: Sequence[Job]) -> dict[str, str]:
    if run.is_finished or len(jobs) > DRAWN:
        return {}

    return waits_for(jobs)


def error_of(run: Submission) -> str:
    """Say why a run has failed; nothing where it has not."""
    error = run.error() if run.is_finished else None
    return "" if error is None else str(error)
