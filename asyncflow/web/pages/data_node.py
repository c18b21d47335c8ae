"""One data node: its value as a table made by a worker, and who wrote it when, and why."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping

import attrs
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from asyncflow.filters import Operator, Where, as_where
from asyncflow.ids import SCENARIO, kind_of
from asyncflow.selection import Preview
from asyncflow.web.access import user_of
from asyncflow.web.first_rows import first_rows
from asyncflow.web.forms import form, form_with_file, value
from asyncflow.web.site import Site, seen
from asyncflow.web.uploads import takes_files, upload

EDITS = 100
"""How many of the last edits a page shows."""

PLAIN = frozenset({"NoneType", "bool", "float", "int", "str"})
"""The types of the values that a form can change."""


@attrs.frozen(eq=False)
class DataNodePage:
    """One data node."""

    site: Site

    @property
    def routes(self) -> list[Route]:
        """Where it answers."""
        return [
            Route("/data-nodes/{id}", self.show),
            Route("/data-nodes/{id}/write", self.write, methods=["POST"]),
            Route("/data-nodes/{id}/upload", self.upload, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """Show it."""
        node = await self.site.data_node(request)
        asked = request.query_params
        where, owner = _where(asked), node.owner_id or ""
        preview, problem = await first_rows(node, where)
        edits = (await node.edits())[-EDITS:]
        return self.site.page(
            request,
            "data_node",
            node=node,
            described=node.describe(),
            preview=preview,
            problem=problem,
            asked=asked,
            owner=owner if kind_of(owner) == SCENARIO else "",
            takes_files=takes_files(node),
            operators=[*Operator],
            typed=None if where else _typed(preview),
            edits=edits[::-1],
            notice=asked.get("notice", ""),
        )

    async def write(self, request: Request) -> Response:
        """Write what was typed, with who and why."""
        node, fields = await self.site.data_node(request), await form(request)
        await node.write(
            value(fields.get("value", "")),
            editor_id=user_of(request),
            comment=fields.get("comment", ""),
        )
        return seen(request, f"data-nodes/{node.id}", "it is written")

    async def upload(self, request: Request) -> Response:
        """Take a file for the value, with who and why."""
        node = await self.site.data_node(request)
        fields, data = await form_with_file(request)
        user, comment = user_of(request), fields.get("comment", "")
        await upload(node, _chunks(data), editor_id=user, comment=comment)
        return seen(request, f"data-nodes/{node.id}", "it is written")


async def _chunks(data: bytes) -> AsyncIterator[bytes]:
    yield data


def _where(asked: Mapping[str, str]) -> Where | None:
    """Return which rows an address asks for; None for all.

    :raises HTTPException: where it has no such condition
    """
    if not asked.get("column"):
        return None

    compared = (
        asked["column"],
        value(asked.get("is", "")),
        asked.get("operator") or "==",
    )

    try:
        return as_where(compared)
    except ValueError as error:
        raise HTTPException(400, str(error)) from error


def _typed(preview: Preview | None) -> str | None:
    """Return how a form shows a value; None where no form can change it."""
    if preview is None:
        return ""

    if preview.kind not in PLAIN:
        return None

    ((cell,),) = preview.rows
    return cell if isinstance(cell, str) else json.dumps(cell)
