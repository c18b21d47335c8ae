"""One job: what it printed, live, its errors and attempts, and what it used."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import attrs
from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from asyncflow.entities.job import Job
from asyncflow.web.access import cancelled_by
from asyncflow.web.answers import Plain
from asyncflow.web.forms import asked, place
from asyncflow.web.live import ENDED, EventStream, appended, closing
from asyncflow.web.site import Site, lines, seen

CHUNK = 1000
"""How many lines of a log are one piece of the page."""


@attrs.frozen(eq=False)
class JobPage:
    """One job."""

    site: Site

    @property
    def routes(self) -> list[Route]:
        """Where it answers."""
        return [
            Route("/jobs/{id}", self.show),
            Route("/jobs/{id}/log", self.log),
            Route("/jobs/{id}/live", self.live),
            Route("/jobs/{id}/cancel", self.cancel, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """Show it."""
        job, given = await self.site.job(request), asked(request, "search", "stack")
        text = await job.output()
        wanted = given.get("search", "")
        return self.site.page(
            request,
            "job",
            job=job,
            chunks=await to_thread.run_sync(_found, text, wanted),
            search=wanted,
            stack=await self._stack(request, job) if "stack" in given else None,
            seen=len(text.encode()),
            notice=given.get("notice", ""),
        )

    async def _stack(self, request: Request, job: Job) -> str:
        """Return where a job is that runs."""
        for worker in await self.site.find(request).workers(stacks=True):
            if worker.job_id == job.id:
                return worker.stack

        return "It does not run in a worker process of this program now."

    async def log(self, request: Request) -> Response:
        """Send what it printed, as it is."""
        job = await self.site.job(request)
        name = f'attachment; filename="{job.id}.log"'
        return Plain(await job.output(), headers={"content-disposition": name})

    async def live(self, request: Request) -> Response:
        """Send what it prints, until it has ended."""
        last = request.headers.get("last-event-id") or request.query_params.get(
            "last", ""
        )
        return EventStream(self._printed(await self.site.job(request), place(last)))

    async def _printed(self, job: Job, before: int) -> AsyncGenerator[str]:
        """Yield what a job prints.

        :param before: how many bytes of it were seen before
        """
        count = 0

        async with closing(job.follow()) as parts:
            async for part in parts:
                data = part.encode()
                fresh = data[max(before - count, 0) :]
                count += len(data)

                if fresh:
                    yield appended("log", lines(fresh.decode(errors="replace")), count)

        yield ENDED

    async def cancel(self, request: Request) -> Response:
        """Cancel it."""
        job = await self.site.job(request)
        job.cancel(cancelled_by(request))
        return seen(request, f"jobs/{job.id}")


def _found(text: str, wanted: str) -> list[str]:
    """Return the lines with a text, in pieces. It may take a while: in a thread."""
    printed = [line for line in text.split("\n") if wanted in line]
    return [
        lines("\n".join(printed[start : start + CHUNK]))
        for start in range(0, len(printed), CHUNK)
    ]
