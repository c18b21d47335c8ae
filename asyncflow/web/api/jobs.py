"""Jobs, over the API."""

from __future__ import annotations

import attrs
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from asyncflow.web.access import user_of
from asyncflow.web.api.operation import (
    PAGE,
    TEXT,
    Answered,
    Asked,
    Operation,
    Parameter,
    answer,
    listed,
)
from asyncflow.web.api.schemas import JOB, JOB_STATUS, job, job_record
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
                    answers={200: JOB},
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
                    answers={202: JOB},
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
        return PlainTextResponse(await found.output())

    async def cancel(self, request: Request, asked: Asked) -> Response:
        """Cancel a job."""
        found = await self.site.job(request)
        found.cancel(asked.body.get("reason") or f"cancelled by {user_of(request)}")
        return answer(request, job(found), 202)

    async def delete(self, request: Request, _asked: Asked) -> Response:
        """Delete a job."""
        await self.site.find(request).delete_job(request.path_params["id"])
        return Response(status_code=204)
