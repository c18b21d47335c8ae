"""Scenarios, their sequences and tasks, over the API."""

from __future__ import annotations

from typing import Any

import attrs
from starlette.requests import Request
from starlette.responses import Response

from asyncflow.acting import SUBMITTED_BY
from asyncflow.entities.scenario import Scenario
from asyncflow.entities.sequence import Sequence
from asyncflow.entities.submittable import Submittable
from asyncflow.entities.task import Task
from asyncflow.errors import NotFound
from asyncflow.web.access import user_of
from asyncflow.web.api.operation import (
    FLAG,
    OBJECT,
    PAGE,
    TEXT,
    Answered,
    Asked,
    Operation,
    Parameter,
    answer,
    listed,
    maybe,
    tag_of,
)
from asyncflow.web.api.schemas import (
    COMPARED,
    LINEAGE,
    READINESS,
    RUN_OPTIONS,
    SCENARIO,
    SCENARIO_CHANGES,
    SEQUENCE,
    TASK,
    WHOLE_SCENARIO,
    compared,
    lineage,
    part,
    readiness,
    scenario,
    scenario_record,
)
from asyncflow.web.api.submissions import ACCEPTED, KEY, WAIT, accepted
from asyncflow.web.api.unchanged import IF_MATCH, Turns
from asyncflow.web.differing import differing
from asyncflow.web.fields import from_json
from asyncflow.web.site import Site, root_of

_OTHER = Parameter("other", {**TEXT, "minLength": 1}, "its id", is_needed=True)


@attrs.frozen(eq=False)
class Scenarios:
    """Operations on scenarios."""

    site: Site
    _turns: Turns = attrs.field(init=False, factory=Turns)

    @property
    def operations(self) -> list[Answered]:
        """What can be asked for."""
        return [
            *(*self._of_all(), *self._of_one()),
            *(*self._parts(), *self._facts(), *self._verbs()),
        ]

    def _of_all(self) -> list[Answered]:
        return [
            (
                Operation(
                    method="GET",
                    path="/scenarios",
                    name="list_scenarios",
                    what="List scenarios.",
                    parameters=(
                        Parameter("config_id", TEXT, "the config that they are of"),
                        Parameter("name", TEXT, "the name that they have"),
                        Parameter("tag", TEXT, "a tag that they have"),
                        Parameter(
                            "cycle", TEXT, "the id of the cycle that they are in"
                        ),
                        Parameter("is_primary", FLAG, "whether they are primary"),
                        Parameter(
                            "sort_key",
                            {
                                "type": "string",
                                "enum": [
                                    "creation_date",
                                    "name",
                                    "config_id",
                                    "id",
                                    "tags",
                                ],
                            },
                            "what they are sorted by",
                        ),
                        *PAGE,
                    ),
                    answers={200: listed(SCENARIO)},
                ),
                self.many,
            ),
            (
                Operation(
                    method="POST",
                    path="/scenarios",
                    name="create_scenario",
                    what="Make a scenario of a config; or find it, with exist_ok and a name.",
                    takes={
                        "config_id": TEXT,
                        "name": maybe(TEXT),
                        "inputs": OBJECT,
                        "properties": OBJECT,
                        "exist_ok": FLAG,
                    },
                    needs=("config_id",),
                    answers={201: WHOLE_SCENARIO},
                ),
                self.create,
            ),
        ]

    def _of_one(self) -> list[Answered]:
        return [
            (
                Operation(
                    method="GET",
                    path="/scenarios/{id}",
                    name="get_scenario",
                    what="Return a scenario with its parts.",
                    answers={200: WHOLE_SCENARIO},
                ),
                self.get,
            ),
            (
                Operation(
                    method="PATCH",
                    path="/scenarios/{id}",
                    name="update_scenario",
                    what="Change the name, properties or tags of a scenario.",
                    parameters=(IF_MATCH,),
                    takes=SCENARIO_CHANGES,
                    answers={200: WHOLE_SCENARIO},
                ),
                self.update,
            ),
            (
                Operation(
                    method="DELETE",
                    path="/scenarios/{id}",
                    name="delete_scenario",
                    what="Delete a scenario with all that is its own.",
                    parameters=(IF_MATCH,),
                    answers={204: None},
                ),
                self.delete,
            ),
        ]

    def _parts(self) -> list[Answered]:
        return [
            answered
            for noun, schema in (("task", TASK), ("sequence", SEQUENCE))
            for answered in (
                (
                    Operation(
                        method="GET",
                        path=f"/scenarios/{{id}}/{noun}s",
                        name=f"list_{noun}s",
                        what=f"List the {noun}s of a scenario.",
                        answers={200: listed(schema)},
                    ),
                    self.parts,
                ),
                (
                    Operation(
                        method="GET",
                        path=f"/{noun}s/{{id}}",
                        name=f"get_{noun}",
                        what=f"Return a {noun}.",
                        answers={200: schema},
                    ),
                    self.part,
                ),
            )
        ]

    def _facts(self) -> list[Answered]:
        return [
            (
                Operation(
                    method="GET",
                    path="/scenarios/{id}/readiness",
                    name="get_readiness",
                    what="Tell whether a scenario can be submitted, and what is missing.",
                    answers={200: READINESS},
                ),
                self.readiness,
            ),
            (
                Operation(
                    method="GET",
                    path="/scenarios/{id}/lineage",
                    name="get_lineage",
                    what="Tell by whom, and of what, each value of a scenario was made.",
                    answers={200: LINEAGE},
                ),
                self.lineage,
            ),
            (
                Operation(
                    method="GET",
                    path="/scenarios/{id}/compare",
                    name="compare_scenarios",
                    what="List the values whose first rows another scenario has otherwise.",
                    parameters=(_OTHER,),
                    answers={200: listed(COMPARED)},
                ),
                self.compare,
            ),
        ]

    def _verbs(self) -> list[Answered]:
        return [
            (
                Operation(
                    method="POST",
                    path="/scenarios/{id}/promote",
                    name="promote_scenario",
                    what="Make a scenario the primary one of its cycle.",
                    answers={200: WHOLE_SCENARIO},
                ),
                self.promote,
            ),
            (
                Operation(
                    method="POST",
                    path="/scenarios/{id}/duplicate",
                    name="duplicate_scenario",
                    what="Make another scenario with the values of this one.",
                    takes={"name": maybe(TEXT)},
                    answers={201: WHOLE_SCENARIO},
                ),
                self.duplicate,
            ),
            *(
                (
                    Operation(
                        method="POST",
                        path=f"/{nouns}/{{id}}/submit",
                        name=f"submit_{noun}",
                        what=f"Start a run of a {noun}.",
                        parameters=(WAIT, KEY),
                        takes=RUN_OPTIONS,
                        answers=ACCEPTED,
                    ),
                    self.submit,
                )
                for noun, nouns in (
                    ("scenario", "scenarios"),
                    ("sequence", "sequences"),
                    ("task", "tasks"),
                )
            ),
        ]

    async def many(self, request: Request, asked: Asked) -> Response:
        """List scenarios."""
        names = ("config_id", "name", "tag", "cycle", "is_primary", "sort_key")
        wanted = {name: asked.query[name] for name in names if name in asked.query}
        found = await self.site.find(request).scenarios(**wanted, **asked.page)
        return answer(request, [scenario_record(record) for record in found])

    async def create(self, request: Request, asked: Asked) -> Response:
        """Make a scenario."""
        made = await self.site.find(request).create_scenario(
            asked.body["config_id"],
            name=asked.body.get("name"),
            exist_ok=asked.body.get("exist_ok", False),
            inputs=self._inputs(request, asked),
            properties=asked.body.get("properties"),
        )
        return _made(request, made)

    def _inputs(self, request: Request, asked: Asked) -> dict[str, Any] | None:
        configs = self.site.find(request).config.scenarios
        config, given = configs.get(asked.body["config_id"]), asked.body.get("inputs")

        if config is None or given is None:
            return given

        return from_json(config.data_node_configs, given, config.task_configs)

    async def get(self, request: Request, _asked: Asked) -> Response:
        """Return a scenario."""
        return answer(request, scenario(await self.site.scenario(request)))

    async def update(self, request: Request, asked: Asked) -> Response:
        """Change a scenario."""
        found = await self.site.scenario(request)

        async with self._turns.unchanged(request, lambda: self._tag(request)):
            await found.update(**asked.body)

        return answer(request, scenario(found))

    async def delete(self, request: Request, _asked: Asked) -> Response:
        """Delete a scenario."""
        found = await self.site.scenario(request)

        async with self._turns.unchanged(request, lambda: self._tag(request)):
            await self.site.find(request).delete(found.id)

        return Response(status_code=204)

    async def _tag(self, request: Request) -> str:
        return tag_of(scenario(await self.site.scenario(request)))

    async def promote(self, request: Request, _asked: Asked) -> Response:
        """Make a scenario primary."""
        found = await self.site.scenario(request)
        await found.set_primary()
        return answer(request, scenario(found))

    async def duplicate(self, request: Request, asked: Asked) -> Response:
        """Make another scenario like one."""
        found = await self.site.scenario(request)
        return _made(request, await found.duplicate(name=asked.body.get("name")))

    async def readiness(self, request: Request, _asked: Asked) -> Response:
        """Tell whether it can be submitted."""
        found = await self.site.scenario(request)
        return answer(request, readiness(found, await found.is_submittable()))

    async def lineage(self, request: Request, _asked: Asked) -> Response:
        """Tell where its values come from."""
        picture = await (await self.site.scenario(request)).lineage()
        return answer(request, lineage(picture.lineage))

    async def compare(self, request: Request, asked: Asked) -> Response:
        """Tell what another one has otherwise."""
        one = await self.site.scenario(request)
        other = await self.site.find(request).get_scenario(asked.query["other"])
        return answer(
            request, [compared(*each) for each in await differing(one, other)]
        )

    async def parts(self, request: Request, _asked: Asked) -> Response:
        """List the tasks, or the sequences, of a scenario."""
        found, noun = await self.site.scenario(request), _noun(request, 1)
        parts = found.tasks if noun == "tasks" else found.sequences
        return answer(request, [part(entity) for entity in parts.values()])

    async def part(self, request: Request, _asked: Asked) -> Response:
        """Return a task, or a sequence."""
        found: Any = await self._entity(request, _noun(request, 2))
        return answer(request, part(found))

    async def _entity(self, request: Request, noun: str) -> Submittable:
        """Return what a request names: of the kind that its path says."""
        found: Any = await self.site.find(request).get(request.path_params["id"])

        if type(found) is not _KINDS[noun]:
            raise NotFound(request.path_params["id"])

        entity: Submittable = found
        return entity

    async def submit(self, request: Request, asked: Asked) -> Response:
        """Start a run."""
        entity = await self._entity(request, _noun(request, 3))
        properties = {
            **asked.body.get("properties", {}),
            SUBMITTED_BY: user_of(request),
        }
        options = {**asked.body, "properties": properties}

        if given := asked.body.get("inputs"):
            nodes = [node.config for node in entity.get_inputs()]
            tasks = [task.config for task in entity.tasks.values()]
            options["inputs"] = from_json(nodes, given, tasks)

        key = asked.query.get(KEY.name)
        run = entity.submit(idempotency_key=key, **options)
        return await accepted(request, run, asked.query.get("wait"))


_KINDS: dict[str, type[Submittable]] = {
    "scenarios": Scenario,
    "sequences": Sequence,
    "tasks": Task,
}


def _noun(request: Request, place: int) -> str:
    """Return the part of a path that is in a place, from its end."""
    return str(request.scope["path"].rsplit("/", place)[1])


def _made(request: Request, made: Scenario) -> Response:
    place = f"{root_of(request)}api/scenarios/{made.id}"
    return answer(request, scenario(made), 201, {"location": place})
