"""One data node: its value as a table made by a worker, and who wrote it when, and why."""

from __future__ import annotations

import json
from typing import Any

import attrs
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from asyncflow.entities.data_node import DataNode
from asyncflow.errors import AsyncflowError
from asyncflow.selection import Preview
from asyncflow.web.access import user_of
from asyncflow.web.forms import form, value
from asyncflow.web.site import Site, seen

ROWS = 50
"""How many rows of a value a page shows."""

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
        ]

    async def show(self, request: Request) -> Response:
        """Show it."""
        node = await self.site.data_node(request)
        preview, problem = await _preview(node)
        edits = (await node.edits())[-EDITS:]
        return self.site.page(
            request,
            "data_node",
            node=node,
            described=node.describe(),
            preview=preview,
            problem=problem,
            typed=_typed(preview),
            edits=edits[::-1],
            notice=request.query_params.get("notice", ""),
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


async def _preview(node: DataNode[Any]) -> tuple[Preview | None, str]:
    """Return the first rows, made by a worker, or why there are none."""
    if node.last_edit_date is None:
        return None, "it was never written"

    try:
        return await node.preview(ROWS, in_process=False, is_plain=True), ""
    except AsyncflowError as error:
        return None, str(error)


def _typed(preview: Preview | None) -> str | None:
    """Return how a form shows a value; None where no form can change it."""
    if preview is None:
        return ""

    if preview.kind not in PLAIN:
        return None

    ((cell,),) = preview.rows
    return cell if isinstance(cell, str) else json.dumps(cell)
