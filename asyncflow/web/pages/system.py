"""What runs the runs: workers, orchestrators, and the store."""

from __future__ import annotations

import time
from datetime import timedelta

import attrs
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from asyncflow.orchestrator import Orchestrator
from asyncflow.web.forms import asked, form, place
from asyncflow.web.site import Site, seen
from asyncflow.web.stored import stored


@attrs.frozen(eq=False)
class SystemPage:
    """The orchestrator and its store, in numbers."""

    site: Site

    @property
    def routes(self) -> list[Route]:
        """Where it answers."""
        return [
            Route("/system", self.show),
            Route("/system/prune", self.prune, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """Show them; and what would be removed, where that is asked for."""
        orchestrator, given = self.site.find(request), asked(request, "days", "stacks")
        days = max(place(given.get("days", "")), 1)
        return self.site.page(
            request,
            "system",
            orchestrator=orchestrator,
            statistics=orchestrator.statistics().as_dict(),
            workers=await orchestrator.workers(stacks="stacks" in given),
            orchestrators=await orchestrator.store.orchestrators(),
            stored=await stored(orchestrator),
            days=days if "days" in given else None,
            prunable=await prunable(orchestrator, days) if "days" in given else 0,
            stacks="stacks" in given,
            notice=given.get("notice", ""),
        )

    async def prune(self, request: Request) -> Response:
        """Remove runs that ended some days ago."""
        days = place((await form(request)).get("days", ""))
        pruned = await self.site.find(request).prune(timedelta(days=max(days, 1)))
        return seen(request, "system", f"{pruned.submissions} runs are removed")


async def prunable(orchestrator: Orchestrator, days: float) -> int:
    """Return how many runs `Orchestrator.prune` would remove."""
    before = time.time() - timedelta(days=days).total_seconds()
    return len(await orchestrator.store.prunable(finished_before=before))
