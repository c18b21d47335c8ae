"""Workers, orchestrators, old runs, and the events of all runs, over the API."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from datetime import timedelta

import attrs
from starlette.requests import Request
from starlette.responses import Response

from asyncflow.orchestrator import Orchestrator
from asyncflow.web.api.operation import (
    ANY,
    TEXT,
    Answered,
    Asked,
    Operation,
    Parameter,
    answer,
    facts,
    listed,
    maybe,
)
from asyncflow.web.live import EventStream
from asyncflow.web.pages.system import prunable
from asyncflow.web.site import Site

_COUNT = {"type": "integer"}
_DAYS = {"type": "number", "minimum": 0, "maximum": 36_500}
_WORKER = facts(host=TEXT, pid=_COUNT, state=TEXT, memory=_COUNT, job_id=maybe(TEXT))
_ORCHESTRATOR = facts(id=TEXT, host=TEXT, pid=_COUNT)


@attrs.frozen(eq=False)
class System:
    """Operations on what runs the runs."""

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
                    path="/workers",
                    name="list_workers",
                    what="List the worker processes, and what they run.",
                    answers={200: listed(_WORKER)},
                ),
                self.workers,
            ),
            (
                Operation(
                    method="GET",
                    path="/orchestrators",
                    name="list_orchestrators",
                    what="List the orchestrators that use the store.",
                    answers={200: listed(_ORCHESTRATOR)},
                ),
                self.orchestrators,
            ),
            (
                Operation(
                    method="GET",
                    path="/prunable",
                    name="count_prunable",
                    what="Count the runs that pruning would remove.",
                    parameters=(Parameter("days", _DAYS, "ended so long ago"),),
                    answers={200: facts(submissions=_COUNT)},
                ),
                self.prunable,
            ),
        ]

    def _others(self) -> list[Answered]:
        return [
            (
                Operation(
                    method="POST",
                    path="/prune",
                    name="prune",
                    what="Remove runs that ended long ago, with their jobs.",
                    takes={"days": _DAYS},
                    needs=("days",),
                    answers={200: facts(submissions=_COUNT)},
                ),
                self.prune,
            ),
            (
                Operation(
                    method="GET",
                    path="/events",
                    name="follow_events",
                    what="Send the events of all runs as they come, from now on.",
                    answers={200: ANY},
                    media="text/event-stream",
                ),
                self.events,
            ),
        ]

    async def workers(self, request: Request, _asked: Asked) -> Response:
        """List the worker processes."""
        found = await self.site.find(request).workers()
        return answer(request, [worker._asdict() for worker in found])

    async def orchestrators(self, request: Request, _asked: Asked) -> Response:
        """List the orchestrators."""
        found = await self.site.find(request).store.orchestrators()
        shown = [{"id": one.id, "host": one.host, "pid": one.pid} for one in found]
        return answer(request, shown)

    async def prunable(self, request: Request, asked: Asked) -> Response:
        """Count old runs."""
        count = await prunable(self.site.find(request), asked.query.get("days", 30))
        return answer(request, {"submissions": count})

    async def prune(self, request: Request, asked: Asked) -> Response:
        """Remove old runs."""
        age = timedelta(days=asked.body["days"])
        pruned = await self.site.find(request).prune(age)
        return answer(request, {"submissions": pruned.submissions})

    async def events(self, request: Request, _asked: Asked) -> Response:
        """Send the events of all runs."""
        return EventStream(_events(self.site.find(request)))


async def _events(orchestrator: Orchestrator) -> AsyncGenerator[str]:
    async with orchestrator.events() as events:
        async for event in events:
            text = json.dumps(event.as_dict())
            yield f"event: {type(event).__name__}\ndata: {text}\n\n"
