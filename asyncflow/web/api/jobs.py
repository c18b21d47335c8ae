"""Jobs, over the API."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator

import attrs
from starlette.requests import Request
from starlette.responses import Response

from asyncflow.entities.job import Job
from asyncflow.web.access import cancelled_by
from asyncflow.web.answers import Plain
from asyncflow.web.api.operation import (
    ANY,
    PAGE,
    TEXT,
    Answered,
    Asked,
    Operation,
    Parameter,
    answer,
    listed,
)
from asyncflow.web.api.schemas import JOB, JOB_STATUS, WHOLE_JOB, job, job_record
from asyncflow.web.live import ENDED, EventStream, closing
from asyncflow.web.site import Site


@attrs.frozen(eq=False)
class Jobs:
    """Operations on jobs."""

    site: Site

    @property
    def operations(self) -> list[Answered]:
        """What can be asked for."""
        return [*self._to_read(), *self._others()]

    def _to_read(self) -> list[Answered]:
        return [
            (
                Operation(
                    method="GET",
                    path="/jobs",
                    name="list_jobs",
                    what="List jobs: those that ended, and those that run here.",
                    parameters=(
                        Parameter("status", JOB_STATUS, "the status that they have"),
                        Parameter("submission_id", TEXT, "the run that they are of"),
                        Parameter("task_id", TEXT, "the task that they are of"),
                        *PAGE,
                    ),
                    answers={200: listed(JOB)},
                ),
                self.many,
            ),
            (
                Operation(
                    method="GET",
                    path="/jobs/{id}",
                    name="get_job",
                    what="Return a job as things are now.",
                    answers={200: WHOLE_JOB},
                ),
                self.get,
            ),
            (
                Operation(
                    method="GET",
                    path="/jobs/{id}/log",
                    name="get_job_log",
                    what="Return what a job has printed so far.",
                    answers={200: TEXT},
                    media="text/plain",
                ),
                self.log,
            ),
            (
                Operation(
                    method="GET",
                    path="/jobs/{id}/output",
                    name="follow_job",
                    what="Send what a job prints from the first, until it has ended.",
                    answers={200: ANY},
                    media="text/event-stream",
                ),
                self.follow,
            ),
        ]

    def _others(self) -> list[Answered]:
        return [
            (
                Operation(
                    method="POST",
                    path="/jobs/{id}/cancel",
                    name="cancel_job",
                    what="Ask for the end of a job.",
                    takes={"reason": TEXT},
                    answers={202: WHOLE_JOB},
                ),
                self.cancel,
            ),
            (
                Operation(
                    method="DELETE",
                    path="/jobs/{id}",
                    name="delete_job",
                    what="Delete a job whose run has ended, with what it printed.",
                    answers={204: None},
                ),
                self.delete,
            ),
        ]

    async def many(self, request: Request, asked: Asked) -> Response:
        """List jobs."""
        found = await self.site.find(request).jobs(
            status=asked.query.get("status"),
            submission_id=asked.query.get("submission_id"),
            task_id=asked.query.get("task_id"),
            **asked.page,
        )
        return answer(request, [job_record(record) for record in found])

    async def get(self, request: Request, _asked: Asked) -> Response:
        """Return a job."""
        found = await self.site.job(request)
        return answer(request, job(found))

    async def log(self, request: Request, _asked: Asked) -> Response:
        """Return what a job printed."""
        found = await self.site.job(request)
        return Plain(await found.output())

    async def follow(self, request: Request, _asked: Asked) -> Response:
        """Send what a job prints."""
        return EventStream(_printed(await self.site.job(request)))

    async def cancel(self, request: Request, asked: Asked) -> Response:
        """Cancel a job."""
        found = await self.site.job(request)
        found.cancel(cancelled_by(request, asked.body.get("reason", "")))
        return answer(request, job(found), 202)

    async def delete(self, request: Request, _asked: Asked) -> Response:
        """Delete a job."""
        await self.site.find(request).delete_job(request.path_params["id"])
        return Response(status_code=204)


async def _printed(job: Job) -> AsyncGenerator[str]:
    async with closing(job.follow()) as parts:
        async for part in parts:
            yield f"event: text\ndata: {json.dumps(part)}\n\n"

    yield ENDED
