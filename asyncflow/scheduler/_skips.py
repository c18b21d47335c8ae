"""Whether a skippable task would do anything new, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from asyncflow.entities.data_node import DataNode
from asyncflow.entities.planned import PlannedJob
from asyncflow.entities.task import Task
from asyncflow.records import BasisRecord
from asyncflow.scheduler._travel import Travel

if TYPE_CHECKING:
    from asyncflow.scheduler._fingerprint import Fingerprint

NOTHING_NEW = "its function and its inputs are the same"


def note(
    task: Task, fingerprint: Fingerprint, inputs: Mapping[str, int]
) -> BasisRecord:
    """Remember a job that completed; its outputs are the current ones.

    :param inputs: the versions that it read
    :return: what is to be saved
    """
    basis = BasisRecord(
        task.id, task.scenario_id, fingerprint.text, inputs, versions(task.output)
    )
    task.basis = basis
    return basis


def plan(tasks: Iterable[Task], travel: Iterable[Travel]) -> tuple[PlannedJob, ...]:
    """Say what a run would do.

    :param tasks: in an order in which they can run
    :param travel: for each task, how its jobs travel
    """
    writers: dict[str, str] = {}
    planned = []

    for task, way in zip(tasks, travel, strict=True):
        runs, reason = _outlook(task, way, writers)
        planned.append(PlannedJob(task=task.config_id, runs=runs, reason=reason))

        if runs:
            writers.update(dict.fromkeys(task.output, task.config_id))

    return tuple(planned)


def reason_to_run(task: Task, fingerprint: Fingerprint) -> str:
    """Say why a job of a task would do something new; ``""`` if it would not."""
    last = task.basis

    if last is None:
        return "it has not run yet"

    if not task.output:
        return "it has no output that could tell"

    if difference := fingerprint.difference(last.fingerprint, task.config_id):
        return difference

    for name, node in task.input.items():
        if node.version is not None and node.version.kept is None:
            return f"`{name}` is a file of yours, which may have changed"

        if _number(node) != last.inputs.get(name):
            return f"`{name}` has a new version"

    for name, node in task.output.items():
        if _number(node) != last.outputs.get(name):
            return f"`{name}` was written by something else"

        if not node.is_valid:
            return f"`{name}` is not valid any more"

    return ""


def versions(nodes: Mapping[str, DataNode]) -> dict[str, int]:
    """Return the number of each data node's version; 0 where it has none."""
    return {name: _number(node) for name, node in nodes.items()}


def _outlook(
    task: Task, travel: Travel, writers: Mapping[str, str]
) -> tuple[bool, str]:
    if travel.fingerprint is None:
        return True, "it is not skippable"

    if travel.force:
        return True, "the run is forced"

    for name in task.input:
        if name in writers:
            return True, f"`{name}` will be written by {writers[name]}"

    reason = reason_to_run(task, travel.fingerprint)
    return bool(reason), reason or NOTHING_NEW


def _number(node: DataNode) -> int:
    return node.version.number if node.version else 0
