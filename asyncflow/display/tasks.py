"""Pictures of tasks, and of the data nodes that they read and write."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from asyncflow.display.graph import Box, Graph
from asyncflow.display.picture import DagPicture
from asyncflow.status import Status


class ShownDataNode(Protocol):
    """What is shown of a data node."""

    @property
    def id(self) -> str:
        """What it is called."""

    @property
    def storage_type(self) -> str:
        """How its values are kept."""

    @property
    def scope(self) -> Any:
        """Who shares it: a member of the enum `Scope`."""


class ShownTask(Protocol):
    """What is shown of a task."""

    @property
    def id(self) -> str:
        """What it is called."""

    @property
    def function(self) -> object:
        """What its jobs call."""

    @property
    def input(self) -> Iterable[ShownDataNode]:
        """What it reads."""

    @property
    def output(self) -> Iterable[ShownDataNode]:
        """What it writes."""


def picture(
    tasks: Sequence[ShownTask], title: str, statuses: Sequence[Status] = ()
) -> DagPicture:
    """Picture tasks and their data nodes.

    :param title: what the picture is called
    :param statuses: how far the job of each task is; empty where none runs
    """
    known: Mapping[int, Status] = dict(enumerate(statuses))
    boxes = [_task(task, known.get(place)) for place, task in enumerate(tasks)]
    places: dict[str, int] = {}
    edges: list[tuple[int, int]] = []

    for place, task in enumerate(tasks):
        for node in (*task.input, *task.output):
            if places.setdefault(node.id, len(boxes)) == len(boxes):
                boxes.append(_data_node(node))

        edges += [(places[node.id], place) for node in task.input]
        edges += [(place, places[node.id]) for node in task.output]

    return DagPicture(Graph(boxes=boxes, edges=edges), title)


def _task(task: ShownTask, status: Status | None) -> Box:
    function = getattr(task.function, "__name__", "")
    return Box(
        id=task.id,
        label=task.id,
        note="" if function == task.id else function,
        statuses={} if status is None else {status: 1},
        like=function or task.id,
    )


def _data_node(node: ShownDataNode) -> Box:
    shared = "" if node.scope.name == "SCENARIO" else f", {node.scope.name}"
    return Box(
        id=node.id,
        label=node.id,
        kind="data_node",
        note=f"{node.storage_type}{shared}",
        like=f"{node.storage_type}{shared}",
    )
