"""What runs the runs: workers, orchestrators, and the store."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from datetime import timedelta

import attrs
from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from asyncflow.orchestrator import Orchestrator
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
        """Show them; and what would be removed, where that is asked for."""
        orchestrator, asked = self.site.find(request), request.query_params
        days = max(place(asked.get("days", "")), 1)
        return self.site.page(
            request,
            "system",
            orchestrator=orchestrator,
            statistics=orchestrator.statistics().as_dict(),
            workers=await orchestrator.workers(),
            orchestrators=await orchestrator.store.orchestrators(),
            values=await to_thread.run_sync(sizes, orchestrator.store.values_folder),
            days=days if "days" in asked else None,
            prunable=await prunable(orchestrator, days) if "days" in asked else 0,
            notice=asked.get("notice", ""),
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


def sizes(folder: str | None) -> tuple[int, int]:
    """Return how many files of values there are, and how many bytes they have. Blocks."""
    count = total = 0

    if folder is not None and os.path.isdir(folder):
        with os.scandir(folder) as files:
            for file in files:
                with suppress(FileNotFoundError):
                    total += file.stat(follow_symlinks=False).st_size
                    count += 1

    return count, total
