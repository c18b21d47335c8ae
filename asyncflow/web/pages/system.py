"""What runs the runs: workers, orchestrators, and the store."""

from __future__ import annotations

from datetime import timedelta

import attrs
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from asyncflow.web.forms import form, place
from asyncflow.web.site import Site, seen


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
        """Show them."""
        orchestrator = self.site.find(request)
        return self.site.page(
            request,
            "system",
            orchestrator=orchestrator,
            statistics=orchestrator.statistics().as_dict(),
            notice=request.query_params.get("notice", ""),
        )

    async def prune(self, request: Request) -> Response:
        """Remove runs that ended some days ago."""
        days = place((await form(request)).get("days", ""))
        pruned = await self.site.find(request).prune(timedelta(days=max(days, 1)))
        return seen(request, "system", f"{pruned.submissions} runs are removed")
