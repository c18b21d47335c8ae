"""Data nodes and their values, over the API."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import attrs
from anyio import CancelScope, to_thread
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from asyncflow.config.sections import TaskConfig
from asyncflow.entities.columns import columns_of
from asyncflow.entities.data_node import DataNode
from asyncflow.entities.tracing import lineage_of
from asyncflow.filters import JoinOperator, Where, as_where
from asyncflow.ids import SCENARIO, kind_of
from asyncflow.records import plain
from asyncflow.web.access import user_of
from asyncflow.web.api.operation import (
    ANY,
    PAGE,
    TEXT,
    Answered,
    Asked,
    Operation,
    Parameter,
    answer,
    listed,
    refused,
    tag_of,
)
from asyncflow.web.api.schemas import (
    DATA_NODE,
    EDIT,
    LINEAGE,
    PREVIEW,
    STATISTICS,
    WHOLE_DATA_NODE,
    data_node,
    data_node_record,
    lineage,
)
from asyncflow.web.api.unchanged import IF_MATCH, Turns
from asyncflow.web.bodies import chunks
from asyncflow.web.fields import from_json
from asyncflow.web.site import Site
from asyncflow.web.uploads import upload

ROWS = 100
"""How many rows of a value are read unless others are asked for."""

_WHERE = (
    Parameter(
        "where",
        {"type": "array", "items": {"type": "array"}},
        'conditions on the rows, as in [["price", 10, ">="]]',
    ),
    Parameter(
        "join",
        {"type": "string", "enum": [*map(str, JoinOperator)], "default": "and"},
        "how several conditions are joined",
    ),
)


@attrs.frozen(eq=False)
class DataNodes:
    """Operations on data nodes."""

    site: Site
    _turns: Turns = attrs.field(init=False, factory=Turns)

    @property
    def operations(self) -> list[Answered]:
        """What can be asked for."""
        return [*self._to_read(), *self._columns(), *self._history(), *self._others()]

    def _to_read(self) -> list[Answered]:
        rows = {"type": "integer", "minimum": 0, "maximum": 10_000, "default": ROWS}
        return [
            (
                Operation(
                    method="GET",
                    path="/data-nodes",
                    name="list_data_nodes",
                    what="List data nodes, without their values.",
                    parameters=(
                        Parameter("owner_id", TEXT, "their scenario, or their cycle"),
                        *PAGE[:2],
                    ),
                    answers={200: listed(DATA_NODE)},
                ),
                self.many,
            ),
            (
                Operation(
                    method="GET",
                    path="/data-nodes/{id}",
                    name="get_data_node",
                    what="Return a data node, without its value.",
                    answers={200: WHOLE_DATA_NODE},
                ),
                self.get,
            ),
            (
                Operation(
                    method="GET",
                    path="/data-nodes/{id}/value",
                    name="read_data_node",
                    what=(
                        "Read the first rows of a value in a worker: numbers as they are, "
                        "what JSON has not as texts."
                    ),
                    parameters=(
                        Parameter("rows", rows, "how many rows at most"),
                        *_WHERE,
                    ),
                    answers={200: PREVIEW},
                ),
                self.read,
            ),
        ]

    def _columns(self) -> list[Answered]:
        return [
            (
                Operation(
                    method="GET",
                    path="/data-nodes/{id}/statistics",
                    name="get_data_node_statistics",
                    what=(
                        "Say what the columns of a value have: how many values, the "
                        "smallest, the largest, the mean. A worker reads all of it."
                    ),
                    parameters=_WHERE,
                    answers={200: STATISTICS},
                ),
                self.statistics,
            ),
        ]

    def _history(self) -> list[Answered]:
        return [
            (
                Operation(
                    method="GET",
                    path="/data-nodes/{id}/edits",
                    name="list_edits",
                    what="Tell who wrote a data node, when, and why: the last one first.",
                    answers={200: listed(EDIT)},
                ),
                self.edits,
            ),
            (
                Operation(
                    method="GET",
                    path="/data-nodes/{id}/lineage",
                    name="get_data_node_lineage",
                    what="Tell by whom, and of what, a value was made.",
                    answers={200: LINEAGE},
                ),
                self.lineage,
            ),
        ]

    def _others(self) -> list[Answered]:
        return [
            (
                Operation(
                    method="PUT",
                    path="/data-nodes/{id}/value",
                    name="write_data_node",
                    what="Write a value that JSON can hold.",
                    parameters=(IF_MATCH,),
                    takes={"value": ANY, "comment": TEXT},
                    needs=("value",),
                    answers={200: WHOLE_DATA_NODE},
                ),
                self.write,
            ),
            (
                Operation(
                    method="GET",
                    path="/data-nodes/{id}/file",
                    name="download_data_node",
                    what="Send the file of a value, in the form of its storage type.",
                    answers={200: {"type": "string", "format": "binary"}},
                    media="application/octet-stream",
                ),
                self.download,
            ),
            (
                Operation(
                    method="PUT",
                    path="/data-nodes/{id}/file",
                    name="upload_data_node",
                    what="Take a file for the value, in the form of its storage type.",
                    parameters=(
                        Parameter("comment", TEXT, "kept with the edit"),
                        IF_MATCH,
                    ),
                    takes_file=True,
                    answers={200: WHOLE_DATA_NODE},
                ),
                self.upload,
            ),
        ]

    async def upload(self, request: Request, asked: Asked) -> Response:
        """Take a file for the value."""
        node = await self.site.data_node(request)
        user, comment = user_of(request), asked.query.get("comment", "")

        async with self._turns.unchanged(request, lambda: self._tag(request)):
            await upload(node, chunks(request), editor_id=user, comment=comment)

        return answer(request, data_node(node))

    async def many(self, request: Request, asked: Asked) -> Response:
        """List data nodes."""
        found = await self.site.find(request).data_nodes(
            owner_id=asked.query.get("owner_id"),
            limit=asked.page["limit"],
            offset=asked.page["offset"],
        )
        return answer(request, [data_node_record(record) for record in found])

    async def get(self, request: Request, _asked: Asked) -> Response:
        """Return a data node."""
        return answer(request, data_node(await self.site.data_node(request)))

    async def read(self, request: Request, asked: Asked) -> Response:
        """Read the first rows."""
        node = await self.site.data_node(request)
        edited = node.last_edit_date  # as it is before the value is read
        found = await _read(node, asked.query.get("rows", ROWS), _where(asked))
        return answer(request, found, of=edited)

    async def statistics(self, request: Request, asked: Asked) -> Response:
        """Say what its columns have."""
        found = await columns_of(await self.site.data_node(request), _where(asked))

        if found is None:
            raise HTTPException(409, "its value has no columns")

        columns = [plain(column._asdict()) for column in found.columns]
        return answer(request, {**found._asdict(), "columns": columns})

    async def lineage(self, request: Request, _asked: Asked) -> Response:
        """Tell where its value comes from."""
        picture = await lineage_of(await self.site.data_node(request))
        return answer(request, lineage(picture.lineage))

    async def write(self, request: Request, asked: Asked) -> Response:
        """Write a value of the kind that it is declared as: a text for a date."""
        node = await self.site.data_node(request)
        given = {node.config_id: asked.body["value"]}
        tasks = await self._tasks(request, node)
        value = from_json([node.config], given, tasks)[node.config_id]
        user, comment = user_of(request), asked.body.get("comment", "")

        async with self._turns.unchanged(request, lambda: self._tag(request)):
            await node.write(value, editor_id=user, comment=comment)

        return answer(request, data_node(node))

    async def _tasks(
        self, request: Request, node: DataNode[Any]
    ) -> tuple[TaskConfig, ...]:
        """Return those that may read a data node: none where scenarios share it."""
        owner = node.owner_id or ""

        if kind_of(owner) != SCENARIO:
            return ()

        scenario = await self.site.find(request).get_scenario(owner)
        return (*scenario.config.task_configs,)

    async def _tag(self, request: Request) -> str:
        """Return the ETag of a value."""
        node = await self.site.data_node(request)
        edited = node.last_edit_date
        return tag_of(await _read(node, ROWS, None), edited)

    async def edits(self, request: Request, _asked: Asked) -> Response:
        """Tell who wrote it."""
        edits = await (await self.site.data_node(request)).edits()
        return answer(request, [edit.as_dict() for edit in reversed(edits)])

    async def download(self, request: Request, _asked: Asked) -> Response:
        """Send the file of a value."""
        node = await self.site.data_node(request)
        folder = await to_thread.run_sync(tempfile.mkdtemp)
        copy = Path(folder, "value")

        try:
            file = await node.download(copy)
        except BaseException:
            with CancelScope(shield=True):
                await to_thread.run_sync(_remove, copy)

            raise

        return FileResponse(
            file,
            media_type="application/octet-stream",
            filename=node.config_id,
            background=BackgroundTask(_remove, copy),
        )


async def _read(node: DataNode[Any], rows: int, where: Where | None) -> Any:
    """Return the first rows of a value, as JSON has them."""
    preview = await node.preview(rows, in_process=False, is_plain=True, where=where)
    return plain(preview._asdict())


def _where(asked: Asked) -> Where | None:
    """Return the conditions of a query.

    :raises HTTPException: where they are none
    """
    given = asked.query.get("where")

    try:
        return as_where(given and [*map(tuple, given)], asked.query.get("join", "and"))
    except ValueError as error:
        raise refused(str(error)) from error


def _remove(file: Path) -> None:
    file.unlink(missing_ok=True)
    os.rmdir(file.parent)
