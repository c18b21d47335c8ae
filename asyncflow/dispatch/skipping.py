"""Whether a skippable task would do anything new, and why."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple, TypeAlias
from weakref import WeakSet

from asyncflow.abc import StoredValue
from asyncflow.dispatch.call_spec import CallSpec
from asyncflow.entities.submission import Run
from asyncflow.records import BasisRecord
from asyncflow.runs.node import NodeState
from asyncflow.runs.task import TaskState
from asyncflow.runs.version import EVICTED, Version
from asyncflow.worker.digests import digest, digest_in

if TYPE_CHECKING:
    from asyncflow.entities.planned import PlannedJob
    from asyncflow.fingerprint.fingerprint import Fingerprint

Pins: TypeAlias = Mapping[str, Version] | None

NOTHING_NEW = "its function and its inputs are the same"


class InputSnapshot(NamedTuple):
    """What a job of a skippable task has read."""

    numbers: Mapping[str, int]
    """For each input, the number of its version; 0 where it has none."""
    contents: Mapping[str, str]
    """For those where that is known, what tells their values from others."""


def snapshot(task: TaskState, pins: Pins = None) -> InputSnapshot:
    """Tell what a job reads that begins now.

    :param pins: what its run has pinned
    """
    read = {name: _read(node, pins) for name, node in task.input.items()}
    contents = {name: text for name, one in read.items() if (text := _content(one))}
    return InputSnapshot({name: _number(one) for name, one in read.items()}, contents)


def note(
    task: TaskState, fingerprint: Fingerprint, inputs: InputSnapshot
) -> BasisRecord:
    """Remember a job that completed; its outputs are the current ones.

    :return: what is to be saved
    """
    return task.new_basis(
        fingerprint.text,
        inputs.numbers,
        versions(task.output),
        inputs.contents,
    )


def reuse(task: TaskState, run: Run) -> None:
    """Take note that a run skips a task: the outputs that are there are its own."""
    for node in task.output.values():
        version = node.version

        if version is not None and version.submission_id != run.id:
            if version.reused_by is None:
                version.reused_by = WeakSet()

            version.reused_by.add(run)


def places(tasks: Iterable[TaskState]) -> list[NodeState]:
    """Return the outputs of skippable tasks that may be gone: they are in files."""
    return [
        node
        for task in tasks
        if task.config.skippable
        for node in task.output.values()
        if node.version is not None and not isinstance(node.version.kept, bytes)
    ]


def users_places(tasks: Iterable[TaskState]) -> list[NodeState]:
    """Return those of them whose files are the user's, who may remove them any time."""
    nodes = places(tasks)
    return [node for node in nodes if node.version and node.version.kept is None]


def look(nodes: Iterable[NodeState]) -> None:
    """See whether the values of data nodes are there. Blocks."""
    for node in nodes:
        version = node.version

        if version is None or isinstance(version.kept, bytes):
            continue

        if version.kept is None:
            version.is_missing = not node.driver.exists()
            version.is_changed = (node.driver.changed_ns() or 0) > version.number
        else:
            version.is_missing = not os.path.exists(version.kept)


def plan(
    tasks: Iterable[TaskState], specs: Iterable[CallSpec]
) -> tuple[PlannedJob, ...]:
    """Say what a run would do.

    :param tasks: in an order in which they can run
    :param spec: for each task, how its jobs are called
    """
    from asyncflow.entities.planned import PlannedJob

    writers: dict[str, str] = {}
    jobs = []

    for task, spec in zip(tasks, specs, strict=True):
        runs, reason = _forecast(task, spec, writers)
        jobs.append(PlannedJob(task=task.config_id, runs=runs, reason=reason))

        if runs:
            writers.update(dict.fromkeys(task.output, task.config_id))

    return tuple(jobs)


def reason_to_run(task: TaskState, fingerprint: Fingerprint, pins: Pins = None) -> str:
    """Say why a job of a task would do something new; ``""`` if it would not.

    :param pins: what its run has pinned
    """
    last = task.basis

    if last is None:
        return "it has not run yet"

    if not task.output:
        return "it has no output that could tell"

    if difference := fingerprint.difference(last.fingerprint, task.config_id):
        return difference

    for name, node in task.input.items():
        version = _read(node, pins)

        if version is not None and version.kept is None:
            return f"`{name}` is a file of yours, which may have changed"

        if _number(version) == last.inputs.get(name):
            continue

        content = _content(version)

        if not content or content != last.contents.get(name):
            return f"`{name}` has a new version"

    for name, node in task.output.items():
        if node.version is None:
            return f"`{name}` has no value any more"

        if _number(node.version) != last.outputs.get(name):
            return f"`{name}` was written by something else"

        if node.version.is_missing:
            return f"the file of `{name}` is gone"

        if node.version.is_changed:
            return f"the file of `{name}` was written by something else"

        if not node.is_valid:
            return f"`{name}` is not valid any more"

    return ""


def versions(nodes: Mapping[str, NodeState]) -> dict[str, int]:
    """Return the number of each data node's version; 0 where it has none."""
    return {name: _number(node.version) for name, node in nodes.items()}


def _forecast(
    task: TaskState, spec: CallSpec, writers: Mapping[str, str]
) -> tuple[bool, str]:
    if spec.fingerprint is None:
        return True, "it is not skippable"

    if spec.force:
        return True, "the run is forced"

    for name in task.input:
        if name in writers:
            return True, f"`{name}` will be written by {writers[name]}"

    reason = reason_to_run(task, spec.fingerprint)
    return bool(reason), reason or NOTHING_NEW


def _read(node: NodeState, pins: Pins) -> Version | None:
    return pins[node.id] if pins and node.id in pins else node.version


def _content(version: Version | None) -> str:
    """Return what tells a value from others; ``""`` where nobody knows."""
    if version is None:
        return ""

    if version.kept is EVICTED and version.content is None:
        return ""

    if version.content is None:
        version.content = _digest(version.kept)

    return version.content


def _digest(kept: StoredValue) -> str:
    if isinstance(kept, bytes):
        return digest(kept)

    return "" if kept is None else digest_in(kept)


def _number(version: Version | None) -> int:
    return version.number if version else 0
