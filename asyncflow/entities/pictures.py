"""What pictures of entities and of runs show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from asyncflow.config.dag import Dag
from asyncflow.config.sections import DataNodeConfig, Scope, TaskConfig
from asyncflow.display.graph import Box, Graph
from asyncflow.display.picture import DagPicture
from asyncflow.status import Status

if TYPE_CHECKING:
    from asyncflow.runs.run import Run


def of_graph(dag: Dag, title: str) -> DagPicture:
    """Picture the tasks of an entity, and their data nodes.

    :param title: what it is called
    """
    return DagPicture(_graph(dag, {}), title)


def of_run(run: Run[Any]) -> DagPicture:
    """Picture the tasks of a run, their data nodes, and how far its jobs are."""
    statuses = dict(enumerate(run.table.status))
    return DagPicture(_graph(run.dag, statuses), f"{run.id} {run.status}")


def _graph(dag: Dag, statuses: Mapping[int, Status]) -> Graph:
    boxes = [_task(task, statuses.get(place)) for place, task in enumerate(dag.tasks)]
    places: dict[str, int] = {}
    edges: list[tuple[int, int]] = []

    for place, task in enumerate(dag.tasks):
        for node in (*task.input, *task.output):
            if places.setdefault(node.id, len(boxes)) == len(boxes):
                boxes.append(_data_node(node))

        edges += [(places[node.id], place) for node in task.input]
        edges += [(place, places[node.id]) for node in task.output]

    return Graph(boxes=boxes, edges=edges)


def _task(task: TaskConfig, status: Status | None) -> Box:
    function = getattr(task.function, "__name__", "")
    return Box(
        id=task.id,
        label=task.id,
        note="" if function == task.id else function,
        statuses={} if status is None else {status: 1},
        like=function or task.id,
    )


def _data_node(node: DataNodeConfig[Any]) -> Box:
    scope = "" if node.scope is Scope.SCENARIO else f", {node.scope.name}"
    return Box(
        id=node.id,
        label=node.id,
        kind="data_node",
        note=f"{node.storage_type}{scope}",
        like=f"{node.storage_type}{scope}",
    )
