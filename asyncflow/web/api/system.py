"""Workers, orchestrators, old runs, and the events of all runs, over the API."""

from __future__ import annotations

from datetime import timedelta

import attrs
from starlette.requests import Request
from starlette.responses import Response

from asyncflow.records import plain
from asyncflow.web.api.operation import (
    ANY,
    FLAG,
    OBJECT,
    Answered,
    Asked,
    Operation,
    Parameter,
    answer,
    listed,
)
from asyncflow.web.api.schemas import (
    DAYS,
    ORCHESTRATOR,
    STORE,
    SUBMISSIONS,
    WORKER,
)
from asyncflow.web.feeds import Feeds
from asyncflow.web.live import EventStream
from asyncflow.web.pages.system import prunable
from asyncflow.web.site import Site
from asyncflow.web.stored import stored


@attrs.frozen(eq=False)
class System:
    """Operations on what runs the runs."""

    site: Site
    _feeds: Feeds = attrs.field(init=False, factory=Feeds)

    @property
    def operations(self) -> list[Answered]:
        """What can be asked for."""
        return [*self._to_read(), *self._numbers(), *self._others()]

    def _to_read(self) -> list[Answered]:
        return [
            (
                Operation(
                    method="GET",
                    path="/workers",
                    name="list_workers",
                    what="List the worker processes, and what they run.",
                    parameters=(
                        Parameter("stacks", FLAG, "whether to tell where they are"),
                    ),
                    answers={200: listed(WORKER)},
                ),
                self.workers,
            ),
            (
                Operation(
                    method="GET",
                    path="/orchestrators",
                    name="list_orchestrators",
                    what="List the orchestrators that use the store.",
                    answers={200: listed(ORCHESTRATOR)},
                ),
                self.orchestrators,
            ),
            (
                Operation(
                    method="GET",
                    path="/prunable",
                    name="count_prunable",
                    what="Count the runs that pruning would remove.",
                    parameters=(Parameter("days", DAYS, "ended so long ago"),),
                    answers={200: SUBMISSIONS},
                ),
                self.prunable,
            ),
        ]

    def _numbers(self) -> list[Answered]:
        return [
            (
                Operation(
                    method="GET",
                    path="/statistics",
                    name="get_statistics",
                    what="Say in numbers what goes on.",
                    answers={200: OBJECT},
                ),
                self.statistics,
            ),
            (
                Operation(
                    method="GET",
                    path="/store",
                    name="get_store",
                    what="Measure the store; name the files that nobody needs any more.",
                    answers={200: STORE},
                ),
                self.store,
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
                    takes={"days": DAYS},
                    needs=("days",),
                    answers={200: SUBMISSIONS},
                ),
                self.prune,
            ),
            (
                Operation(
                    method="GET",
                    path="/events",
                    name="follow_events",
                    what="Send the events of all runs as they come, from now on.",
                    parameters=(
                        Parameter(
                            "entities",
                            FLAG,
                            "whether to tell what is made, changed and deleted, and who "
                            "asked for it",
                        ),
                    ),
                    answers={200: ANY},
                    media="text/event-stream",
                ),
                self.events,
            ),
        ]

    async def workers(self, request: Request, asked: Asked) -> Response:
        """List the worker processes."""
        stacks = asked.query.get("stacks", False)
        found = await self.site.find(request).workers(stacks=stacks)
        return answer(request, [worker._asdict() for worker in found])

    async def orchestrators(self, request: Request, _asked: Asked) -> Response:
        """List the orchestrators."""
        found = await self.site.find(request).store.orchestrators()
        shown = [
            {"id": owner.id, "host": owner.host, "pid": owner.pid} for owner in found
        ]
        return answer(request, shown)

    async def statistics(self, request: Request, _asked: Asked) -> Response:
        """Say in numbers what goes on."""
        return answer(request, self.site.find(request).statistics().as_dict())

    async def store(self, request: Request, _asked: Asked) -> Response:
        """Measure the store."""
        found = await stored(self.site.find(request))
        return answer(request, plain(found._asdict()))

    async def prunable(self, request: Request, asked: Asked) -> Response:
        """Count old runs."""
        count = await prunable(self.site.find(request), asked.query.get("days", 30))
        return answer(request, {"submissions": count})

    async def prune(self, request: Request, asked: Asked) -> Response:
        """Remove old runs."""
        age = timedelta(days=asked.body["days"])
        pruned = await self.site.find(request).prune(age)
        return answer(request, {"submissions": pruned.submissions})

    async def events(self, request: Request, asked: Asked) -> Response:
        """Send the events of all runs."""
        entities = asked.query.get("entities", False)
        return EventStream(
            self._feeds.follow(self.site.find(request), entities=entities)
        )
