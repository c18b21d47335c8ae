"""One data node: its value as a table made by a worker, and who wrote it when, and why."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import attrs
from anyio import to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from asyncflow.column_statistics import Statistics
from asyncflow.entities.columns import columns_of
from asyncflow.entities.data_node import DataNode
from asyncflow.entities.tracing import lineage_of
from asyncflow.entities.typed import LONGEST, as_typed
from asyncflow.errors import AsyncflowError
from asyncflow.filters import Operator, Where, as_where
from asyncflow.ids import SCENARIO, kind_of
from asyncflow.selection import Preview
from asyncflow.web.access import user_of
from asyncflow.web.fields import KINDS, Field, Kind, declared, field_of
from asyncflow.web.first_rows import first_rows
from asyncflow.web.forms import asked, form, form_with_file, value
from asyncflow.web.site import Site, drawn, seen
from asyncflow.web.uploads import takes_files, upload

EDITS = 100
"""How many of the last edits a page shows."""

VALUE = "value"
"""The name of the field for a value."""


@attrs.frozen(eq=False)
class DataNodePage:
    """One data node."""

    site: Site

    @property
    def routes(self) -> list[Route]:
        """Where it answers."""
        return [
            Route("/data-nodes/{id}", self.show),
            Route("/data-nodes/{id}/lineage", self.lineage),
            Route("/data-nodes/{id}/write", self.write, methods=["POST"]),
            Route("/data-nodes/{id}/upload", self.upload, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """Show it."""
        return await self._shown(request, await self.site.data_node(request))

    async def _shown(
        self,
        request: Request,
        node: DataNode[Any],
        field: Field | None = None,
        comment: str = "",
        status_code: int = 200,
    ) -> Response:
        """Return its page.

        :param field: what was typed for its value, and is wrong; None for what it has
        """
        given = asked(request, "column", "operator", "is", "statistics")
        where, owner = _where(given), node.owner_id or ""
        preview, problem = await first_rows(node, where)
        statistics, unmeasured = (
            await _statistics(node, where) if "statistics" in given else (None, "")
        )
        edits = (await node.edits())[-EDITS:]
        return self.site.page(
            request,
            "data_node",
            node=node,
            described=node.describe(),
            preview=preview,
            problem=problem,
            statistics=statistics,
            unmeasured=unmeasured,
            asked=given,
            owner=owner if kind_of(owner) == SCENARIO else "",
            takes_files=takes_files(node),
            operators=[*Operator],
            field=field or await _field(node, preview if where is None else None),
            comment=comment,
            status_code=status_code,
            edits=edits[::-1],
            notice=given.get("notice", ""),
        )

    async def write(self, request: Request) -> Response:
        """Write what was typed, with who and why."""
        node, given = await self.site.data_node(request), await form(request)
        preview, _ = await first_rows(node)
        field, comment = await _field(node, preview), given.get("comment", "")

        if field is None:
            raise HTTPException(
                409, "no form can change this value: write it over REST"
            )

        field = field.checked(given.get("value", ""), is_needed=True)

        if field.error:
            return await self._shown(request, node, field, comment, 422)

        try:
            await node.write(field.read(), editor_id=user_of(request), comment=comment)
        except (AsyncflowError, TypeError, ValueError) as error:
            field = attrs.evolve(field, error=str(error) or type(error).__name__)
            return await self._shown(request, node, field, comment, 409)

        return seen(request, f"data-nodes/{node.id}", "it is written")

    async def lineage(self, request: Request) -> Response:
        """Show where its value comes from: by whom and of what it was made."""
        node = await self.site.data_node(request)
        picture = await lineage_of(node)
        return self.site.page(
            request,
            "lineage",
            place_of=f"data-nodes/{node.id}",
            name=node.config_id,
            dag=await to_thread.run_sync(drawn, picture),
            notice="",
        )

    async def upload(self, request: Request) -> Response:
        """Take a file for the value, with who and why."""
        node = await self.site.data_node(request)
        fields, data = await form_with_file(request)
        user, comment = user_of(request), fields.get("comment", "")
        await upload(node, _chunks(data), editor_id=user, comment=comment)
        return seen(request, f"data-nodes/{node.id}", "it is written")


async def _chunks(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def _statistics(
    node: DataNode[Any], where: Where | None
) -> tuple[Statistics | None, str]:
    """Return what the columns have, or why that is not known."""
    try:
        found = await columns_of(node, where)
    except AsyncflowError as error:
        return None, str(error)

    return found, "" if found else "its value has no columns"


def _where(given: Mapping[str, str]) -> Where | None:
    """Return which rows an address asks for; None for all.

    :raises HTTPException: where it has no such condition
    """
    if not given.get("column"):
        return None

    compared = (
        given["column"],
        value(given.get("is", "")),
        given.get("operator") or "==",
    )

    try:
        return as_where(compared)
    except ValueError as error:
        raise HTTPException(400, str(error)) from error


async def _field(node: DataNode[Any], preview: Preview | None) -> Field | None:
    """Return the field for a value; None where no form can change it.

    :param preview: what is known of the value, so that a large one is not read again
    """
    if node.last_edit_date is None:
        field = declared(node.config, ())
        return (
            Field(VALUE, Kind.ANY) if field is None else attrs.evolve(field, name=VALUE)
        )

    if preview is None or preview.kind not in KINDS or (preview.total or 0) > LONGEST:
        return None

    try:
        found = await as_typed(node)
    except AsyncflowError:
        return None

    return None if found is None else field_of(VALUE, found)
