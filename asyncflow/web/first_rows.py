"""The first rows of values, read by workers."""

from __future__ import annotations

from typing import Any

from asyncflow.entities.data_node import DataNode
from asyncflow.errors import AsyncflowError
from asyncflow.filters import Where
from asyncflow.selection import Preview

ROWS = 50
"""How many rows of a value a page shows."""


async def first_rows(
    node: DataNode[Any], where: Where | None = None
) -> tuple[Preview | None, str]:
    """Return the first rows, made by a worker, or why there are none."""
    if node.last_edit_date is None:
        return None, "it was never written"

    try:
        return await node.preview(
            ROWS, in_process=False, is_plain=True, where=where
        ), ""
    except AsyncflowError as error:
        return None, str(error)
