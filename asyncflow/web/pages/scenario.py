"""One scenario: its graph, its data nodes and runs, and what can be done with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from asyncflow.acting import SUBMITTED_BY
from asyncflow.entities.scenario import Scenario
from asyncflow.errors import AsyncflowError
from asyncflow.web.access import user_of
from asyncflow.web.fields import PREFIX, Field, current, filled, refused, values_of
from asyncflow.web.forms import asked, form
from asyncflow.web.pages.runs import reasons_of
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
            Route("/scenarios/{id}/submit", self.ask),
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
            names={},  # the page has it
            reasons=await reasons_of(orchestrator, runs),
            dag=await to_thread.run_sync(drawn, scenario.dag()),
            submittable=await scenario.is_submittable(),
            deletable=await scenario.is_deletable(),
            notice=asked(request).get("notice", ""),
        )

    async def lineage(self, request: Request) -> Response:
        """Show where its values come from: by whom and of what each was made."""
        scenario = await self.site.scenario(request)
        picture = await scenario.lineage()
        return self.site.page(
            request,
            "lineage",
            place_of=f"scenarios/{scenario.id}",
            name=scenario.name or scenario.id,
            dag=await to_thread.run_sync(drawn, picture),
            notice="",
        )

    async def ask(self, request: Request) -> Response:
        """Show the form that starts a run of it with other values."""
        scenario = await self.site.scenario(request)
        return self._form(request, scenario, await _fields(scenario))

    async def submit(self, request: Request) -> Response:
        """Start a run of it: with what was typed, or else with what is there.

        Where something is wrong with it the form comes, with what was typed.
        """
        scenario, given = await self.site.scenario(request), await form(request)
        has_values = any(name.startswith(PREFIX) for name in given)
        fields = filled(await _fields(scenario) if has_values else [], given)
        force, by = bool(given.get("force")), {SUBMITTED_BY: user_of(request)}

        if any(field.error for field in fields):
            return self._form(request, scenario, fields, force=force, status_code=422)

        try:
            inputs = values_of(fields)
            run = scenario.submit(force=force, inputs=inputs or None, properties=by)
            await run.accepted()
        except (AsyncflowError, TypeError, ValueError) as error:
            if not has_values:
                raise

            fields, problem = refused(fields, error)
            return self._form(
                *(request, scenario, fields),
                problem=problem,
                force=force,
                status_code=409,
            )

        return seen(request, f"runs/{run.id}")

    def _form(
        self,
        request: Request,
        scenario: Scenario,
        fields: Sequence[Field],
        **facts: Any,
    ) -> Response:
        names = {field.name for field in fields}
        sources = sorted(node.config_id for node in scenario.get_inputs())
        others = [source for source in sources if source not in names]
        shown = {"problem": "", "force": False, "notice": "", **facts}
        return self.site.page(
            *(request, "submit"),
            scenario=scenario,
            fields=fields,
            others=others,
            **shown,
        )

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


FIELDS = 50
"""For how many values the form of a run has fields."""


async def _fields(scenario: Scenario) -> list[Field]:
    """Return the fields for what a scenario reads and does not write."""
    tasks = scenario.config.task_configs
    nodes = sorted(scenario.get_inputs(), key=lambda node: node.config_id)[:FIELDS]
    found = [await current(node, tasks) for node in nodes]
    return [field for field in found if field is not None]
