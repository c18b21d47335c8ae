"""The scenarios: found by config, tag, cycle and name; made with their inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from asyncflow.config.sections import ScenarioConfig
from asyncflow.errors import AsyncflowError, NotFound
from asyncflow.records import ScenarioRecord
from asyncflow.web.differing import attributes, differing
from asyncflow.web.fields import (
    Field,
    filled,
    first_values,
    refused,
    sources,
    values_of,
)
from asyncflow.web.first_rows import ROWS
from asyncflow.web.forms import asked, fields_of, form
from asyncflow.web.site import Site, seen

SHOWN = 50
"""How many scenarios a page has."""

FILTERS = ("config", "name", "cycle", "tag", "primary", "after")
"""The parts of the address that say which scenarios are meant."""


@attrs.frozen(eq=False)
class ScenariosPage:
    """The list of scenarios, and the form that makes one."""

    site: Site

    @property
    def routes(self) -> list[Route]:
        """Where it answers."""
        return [
            Route("/scenarios", self.show),
            Route("/scenarios/create", self.ask),
            Route("/scenarios/create", self.create, methods=["POST"]),
            Route("/scenarios/tag", self.tag, methods=["POST"]),
            Route("/compare", self.compare),
        ]

    async def show(self, request: Request) -> Response:
        """Show a page of the list."""
        orchestrator, given = self.site.find(request), asked(request, *FILTERS)
        found = await orchestrator.scenarios(
            config_id=given.get("config") or None,
            name=given.get("name") or None,
            cycle=given.get("cycle") or None,
            tag=given.get("tag") or None,
            is_primary=True if given.get("primary") else None,
            newest_first=True,
            after=_after(given.get("after", "")),
            limit=SHOWN + 1,
        )
        cycles = await orchestrator.cycles(newest_first=True, limit=100)
        return self.site.page(
            request,
            "scenarios",
            asked={
                key: text for key, text in given.items() if text and key != "notice"
            },
            notice=given.get("notice", ""),
            scenarios=found[:SHOWN],
            next=_place(found[SHOWN - 1]) if len(found) > SHOWN else None,
            configs=sorted(orchestrator.config.scenarios),
            cycles=cycles,
            cycle_names={cycle.id: cycle.name for cycle in cycles},
            primaries={cycle.primary_id for cycle in cycles},
        )

    async def ask(self, request: Request) -> Response:
        """Show the form that makes a scenario of a config."""
        name = asked(request, "config").get("config", "")
        configs = self.site.find(request).config.scenarios

        if name not in configs:
            raise NotFound(name)

        return self._form(request, configs[name], first_values(configs[name]))

    async def create(self, request: Request) -> Response:
        """Make a scenario; what was typed for a data node is its first value.

        Where something is wrong with it the form comes again, with what was typed.
        """
        given, orchestrator = await form(request), self.site.find(request)
        config = orchestrator.config.scenarios.get(given.get("config", ""))

        if config is None:
            raise NotFound(given.get("config", ""))

        fields, name = filled(first_values(config), given), given.get("name", "")

        if any(field.error for field in fields):
            return self._form(request, config, fields, name=name, status_code=422)

        try:
            scenario = await orchestrator.create_scenario(
                config, name=name or None, inputs=values_of(fields)
            )
        except (AsyncflowError, TypeError, ValueError) as error:
            fields, problem = refused(fields, error)
            return self._form(
                *(request, config, fields),
                name=name,
                problem=problem,
                status_code=409,
            )

        return seen(request, f"scenarios/{scenario.id}", "the new scenario")

    def _form(
        self,
        request: Request,
        config: ScenarioConfig,
        fields: Sequence[Field],
        **facts: Any,
    ) -> Response:
        names = {field.name for field in fields}
        others = [source for source in sources(config) if source not in names]
        shown = {"name": "", "problem": "", "notice": "", "others": others, **facts}
        return self.site.page(request, "create", config=config, fields=fields, **shown)

    async def tag(self, request: Request) -> Response:
        """Give a tag to all that are marked, or take it away."""
        fields = await fields_of(request)
        ids = [text for name, text in fields if name == "id"]
        given = dict(fields)
        tag, takes_away = given.get("tag", "").strip(), "away" in given

        if not tag or not ids:
            return seen(request, "scenarios", "mark scenarios, and give a tag")

        orchestrator = self.site.find(request)

        for scenario_id in ids:
            scenario = await orchestrator.get_scenario(scenario_id)
            await (scenario.remove_tag(tag) if takes_away else scenario.add_tag(tag))

        done = "away from" if takes_away else "given to"
        return seen(request, "scenarios", f"tag {tag} is {done} {len(ids)} scenarios")

    async def compare(self, request: Request) -> Response:
        """Show in what scenarios differ."""
        asked(request, "id", "tag")  # the form has that, too
        ids = [*dict.fromkeys(request.query_params.getlist("id"))]
        orchestrator = self.site.find(request)
        scenarios = [await orchestrator.get_scenario(each) for each in ids[:2]]
        is_pair = len(scenarios) == 2
        return self.site.page(
            request,
            "compare",
            scenarios=scenarios,
            differing=await differing(*scenarios) if is_pair else None,
            attributes=attributes(*scenarios) if is_pair else [],
            rows=ROWS,
            notice="",
        )


def _place(record: ScenarioRecord) -> str:
    """Return where a scenario is in the list, for an address."""
    return f"{record.created!r}~{record.id}"


def _after(text: str) -> ScenarioRecord | None:
    """Return what is at a place of the list; None for the place before its first one.

    :raises HTTPException: where it is none
    """
    if not text:
        return None

    date, _, scenario_id = text.partition("~")

    try:
        return ScenarioRecord(scenario_id, "", None, float(date), {})
    except ValueError as error:
        raise HTTPException(400, f"{text!r} is no place of the list") from error
