"""One scenario: its graph, its data nodes and runs, and what can be done with it."""

from __future__ import annotations

import attrs
from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from asyncflow.acting import SUBMITTED_BY
from asyncflow.web.access import user_of
from asyncflow.web.forms import form
from asyncflow.web.site import Site, drawn, seen


@attrs.frozen(eq=False)
class ScenarioPage:
    """One scenario."""

    site: Site

    @property
    def routes(self) -> list[Route]:
        """Where it answers."""
        verbs = {
            "submit": self.submit,
            "promote": self.promote,
            "rename": self.rename,
            "tag": self.tag,
            "duplicate": self.duplicate,
            "delete": self.delete,
        }
        return [
            Route("/scenarios/{id}", self.show),
            Route("/scenarios/{id}/lineage", self.lineage),
            *(
                Route(f"/scenarios/{{id}}/{name}", verb, methods=["POST"])
                for name, verb in verbs.items()
            ),
        ]

    async def show(self, request: Request) -> Response:
        """Show it."""
        orchestrator, scenario = (
            self.site.find(request),
            await self.site.scenario(request),
        )
        runs = await orchestrator.submissions(
            scenario_id=scenario.id, newest_first=True, limit=20
        )
        return self.site.page(
            request,
            "scenario",
            scenario=scenario,
            nodes=[*scenario.data_nodes.values()],
            runs=runs,
            dag=await to_thread.run_sync(drawn, scenario.dag()),
            submittable=await scenario.is_submittable(),
            deletable=await scenario.is_deletable(),
            notice=request.query_params.get("notice", ""),
        )

    async def lineage(self, request: Request) -> Response:
        """Show where its values come from: by whom and of what each was made."""
        scenario = await self.site.scenario(request)
        picture = await scenario.lineage()
        return self.site.page(
            request,
            "lineage",
            scenario=scenario,
            dag=await to_thread.run_sync(drawn, picture),
            notice="",
        )

    async def submit(self, request: Request) -> Response:
        """Start a run of it."""
        scenario, fields = await self.site.scenario(request), await form(request)
        by = {SUBMITTED_BY: user_of(request)}
        run = scenario.submit(force=bool(fields.get("force")), properties=by)
        await run.accepted()
        return seen(request, f"runs/{run.id}")

    async def promote(self, request: Request) -> Response:
        """Make it the primary one of its cycle."""
        scenario = await self.site.scenario(request)
        await scenario.set_primary()
        return seen(request, f"scenarios/{scenario.id}", "it is primary now")

    async def rename(self, request: Request) -> Response:
        """Give it another name."""
        scenario, fields = await self.site.scenario(request), await form(request)
        await scenario.update(name=fields.get("name") or None)
        return seen(request, f"scenarios/{scenario.id}", "it has another name now")

    async def tag(self, request: Request) -> Response:
        """Give it the tags that were typed, and no others."""
        scenario, fields = await self.site.scenario(request), await form(request)
        tags = [tag.strip() for tag in fields.get("tags", "").split(",")]
        await scenario.update(tags=[tag for tag in tags if tag])
        return seen(request, f"scenarios/{scenario.id}", "it has these tags now")

    async def duplicate(self, request: Request) -> Response:
        """Make another one with its values."""
        scenario, fields = await self.site.scenario(request), await form(request)
        other = await scenario.duplicate(name=fields.get("name") or None)
        return seen(request, f"scenarios/{other.id}", "the duplicate")

    async def delete(self, request: Request) -> Response:
        """Delete it, with all that is its own."""
        scenario_id = request.path_params["id"]
        await self.site.find(request).delete(scenario_id)
        return seen(request, "scenarios", f"{scenario_id} is deleted")
