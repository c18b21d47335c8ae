"""Whether a skippable task would do anything new, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple, TypeAlias
from weakref import WeakSet

from asyncflow.abc import StoredValue
from asyncflow.dispatch.call_spec import CallSpec
from asyncflow.entities.submission import Run
from asyncflow.records import BasisRecord
from asyncflow.runs.node import EVICTED, NodeState, Place, Version
from asyncflow.runs.task import TaskState
from asyncflow.worker.digests import digest, digest_in
from asyncflow.worker.values import is_whole, place_of

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
    contents = {
        name: text for name, version in read.items() if (text := _content(version))
    }
    return InputSnapshot(
        {name: _number(version) for name, version in read.items()}, contents
    )


def note(
    task: TaskState, fingerprint: Fingerprint, inputs: InputSnapshot
) -> BasisRecord:
    """Remember a job that completed; its outputs are the current ones.

    :return: what is to be saved
    """
    found = {
        name: node.version.fingerprint
        for name, node in task.output.items()
        if node.version is not None and node.version.fingerprint
    }
    return task.new_basis(
        fingerprint.text,
        inputs.numbers,
        versions(task.output),
        {**inputs.contents, **found},
    )


def reuse(task: TaskState, run: Run) -> None:
    """Take note that a run skips a task: the outputs that are there are its own."""
    for node in task.output.values():
        version = node.version

        if version is not None and version.submission_id != run.id:
            if version.reused_by is None:
                version.reused_by = WeakSet()

            version.reused_by.add(run)


def confirmed(task: TaskState, pins: Pins = None) -> BasisRecord | None:
    """Keep what was seen in the places of the user's that a skipped task has.

    Of what a run has written, that was not known yet.

    :return: what is to be saved; None for nothing
    """
    last = task.basis
    assert last is not None
    found = {
        name: place.fingerprint
        for nodes in (task.input, task.output)
        for name, node in nodes.items()
        if name not in last.contents
        and (place := _place(_read(node, pins))) is not None
        and place.fingerprint
    }

    if not found:
        return None

    return task.new_basis(
        last.fingerprint, last.inputs, last.outputs, {**last.contents, **found}
    )


def places(tasks: Iterable[TaskState]) -> list[NodeState]:
    """Return the data nodes of skippable tasks of which the values are to be looked at.

    Outputs may be gone, where they are in files, and what is the user's changes whenever
    he likes.
    """
    found: dict[str, NodeState] = {}

    for task in tasks:
        if not task.config.skippable:
            continue

        for node in task.input.values():
            if node.version is not None and node.version.kept is None:
                found[node.id] = node

        for node in task.output.values():
            if node.version is not None and not isinstance(node.version.kept, bytes):
                found[node.id] = node

    return [*found.values()]


def places_at_hand(tasks: Iterable[TaskState]) -> list[NodeState]:
    """Return those of them that are the user's, and can be looked at in no time."""
    return [
        node
        for node in places(tasks)
        if node.version and node.version.kept is None and not node.driver.is_remote
    ]


def look(
    nodes: Iterable[NodeState], pins: Pins = None
) -> list[tuple[NodeState, Version, Place]]:
    """See whether the values of data nodes are there, and what is. Blocks.

    :param pins: what the run has pinned that is to begin
    :return: what is in the places of the user's, and the versions that these had
    """
    seen = []

    for node in nodes:
        for version in {node.version, _read(node, pins)}:
            if version is None or isinstance(version.kept, bytes):
                continue

            if version.kept is None:
                version.place = place = Place.of(node.driver, asks=True)
                seen.append((node, version, place))
            else:
                kept = version.kept
                version.is_missing = not (place_of(kept) or is_whole(kept))

    return seen


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

        is_same = _number(version) == last.inputs.get(name)

        if version is not None and version.kept is None:
            known = last.contents.get(name)

            if difference := _difference(node, version, known, is_same=is_same):
                return difference

            continue

        if is_same:
            continue

        content = _content(version)

        if not content or content != last.contents.get(name):
            return f"`{name}` has a new version"

    for name, node in task.output.items():
        if node.version is None:
            return f"`{name}` has no value any more"

        if _number(node.version) != last.outputs.get(name):
            where = _where(node) if node.version.is_outside else ""
            return f"`{name}` was written by something else{where}"

        if node.version.is_missing:
            return f"the file of `{name}` is gone, or not whole"

        if (place := node.version.place) is not None:
            if place.is_missing:
                return f"`{name}` is gone{_where(node)}"

            if place.differs(node.version, last.contents.get(name)):
                return f"`{name}` was written by something else{_where(node)}"

        if not node.is_valid:
            return f"`{name}` is not valid any more"

    return ""


def _difference(
    node: NodeState, version: Version, known: str | None, *, is_same: bool
) -> str:
    """Say what is new in a place of the user's that a task reads; ``""`` for nothing.

    :param known: what it had when the task has read it; None where nobody knows
    :param is_same: whether it has the version of then
    """
    name, place = node.config_id, version.place

    if place is None:  # written in this run, or too far for a plan to look at it
        return (
            f"`{name}` may have changed{_where(node)}"
            if is_same
            else f"`{name}` has a new version"
        )

    if place.is_missing:
        return f"`{name}` is gone{_where(node)}"

    if not place.fingerprint:
        why = place.problem or "nobody can tell"
        return f"`{name}` may have changed{_where(node)}: {why}"

    if known == place.fingerprint:
        return ""

    if not is_same and not version.is_outside:
        return f"`{name}` has a new version"

    if not is_same:
        return f"`{name}` was changed by something else{_where(node)}"

    if known is None and place.changed_ns is None:
        return f"`{name}` may have changed since it was written{_where(node)}"

    if place.differs(version, known):
        return f"`{name}` was changed by something else{_where(node)}"

    return ""


def _where(node: NodeState) -> str:
    """Say where the values of a data node are, if that has a name."""
    place = node.driver.describe()["place"]
    return f", at {place}" if place else ""


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

    if version.kept is None:  # nobody has looked since it was written, or somebody has
        seen = version if version.place is None else version.place
        return seen.fingerprint or ""

    if version.kept is EVICTED and version.content is None:
        return ""

    if version.content is None:
        version.content = _digest(version.kept)

    return version.content


def _digest(kept: StoredValue) -> str:
    if isinstance(kept, bytes):
        return digest(kept)

    return "" if kept is None else digest_in(kept)


def _place(version: Version | None) -> Place | None:
    return version.place if version else None


def _number(version: Version | None) -> int:
    return version.number if version else 0
