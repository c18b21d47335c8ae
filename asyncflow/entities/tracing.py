"""Lineage: which versions of data nodes there are, what wrote them, and from what."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Protocol, cast

import attrs

from asyncflow import ids
from asyncflow.display.lineage import Lineage, ShownVersion, ShownWriter
from asyncflow.display.picture import LineagePicture
from asyncflow.entities.data_node import DataNode
from asyncflow.entities.edits import Edit
from asyncflow.errors import NotFound

MOST = 2_000
"""How many versions are looked for at most."""


class Input(Protocol):
    """What a run reads, as far as it is looked at here."""

    is_given: bool


class Task(Protocol):
    """What a job executes."""

    @property
    def config_id(self) -> str: ...

    @property
    def input(self) -> Mapping[str, DataNode]: ...


class Job(Protocol):
    """What may have written a version."""

    @property
    def id(self) -> str: ...

    @property
    def task(self) -> Task: ...


class Run(Protocol):
    """The run of a job."""

    @property
    def id(self) -> str: ...

    @property
    def submitted_at(self) -> datetime: ...

    @property
    def inputs(self) -> Mapping[str, Input]: ...

    @property
    def jobs(self) -> tuple[Job, ...]: ...


class Verbs(Protocol):
    """What is asked of the orchestrator."""

    async def get_owner(self, owner_id: str) -> object: ...


@attrs.frozen(eq=False)
class _Known:
    """What is looked up of a run once."""

    run: Run
    jobs: Mapping[str, Job]
    given: frozenset[str]

    @classmethod
    def of(cls, run: Run) -> _Known:
        given = frozenset(name for name, it in run.inputs.items() if it.is_given)
        return cls(run, {job.id: job for job in run.jobs}, given)


async def lineage(
    nodes: Iterable[DataNode], verbs: Verbs, title: str
) -> LineagePicture:
    """Tell where the values of data nodes come from; see `Scenario.lineage`.

    :param verbs: bring back runs
    """
    trace = _Trace(verbs)
    await trace.follow(nodes)
    versions = sorted(trace.versions.values(), key=lambda it: (it.at, it.node))
    left_out = f", the nearest {MOST} versions" if len(versions) >= MOST else ""
    found = Lineage(versions=versions, writers=trace.writers)
    return LineagePicture(found, f"{title}{left_out}")


async def lineage_of(node: DataNode) -> LineagePicture:
    """Tell where the value of one data node comes from. For faces."""
    return await lineage([node], node._verbs, f"lineage of {node.id}")


@attrs.define(eq=False)
class _Trace:
    verbs: Verbs
    versions: dict[str, ShownVersion] = attrs.field(init=False, factory=dict)
    writers: dict[str, ShownWriter] = attrs.field(init=False, factory=dict)
    _edits: dict[str, tuple[Edit, ...]] = attrs.field(init=False, factory=dict)
    _runs: dict[str, _Known | None] = attrs.field(init=False, factory=dict)

    async def follow(self, nodes: Iterable[DataNode]) -> None:
        """Follow the current versions of data nodes to all that they come from."""
        left: deque[tuple[DataNode, Edit]] = deque()

        for node in nodes:
            if edits := await self._edits_of(node):
                left.append((node, edits[-1]))

        while left and len(self.versions) < MOST:
            node, edit = left.popleft()
            key = _key(node, edit)

            if key not in self.versions:
                edits = await self._edits_of(node)
                self.versions[key] = _shown(node, edit, is_current=edit is edits[-1])
                left.extend(await self._sources_of(edit))

    async def _sources_of(self, edit: Edit) -> list[tuple[DataNode, Edit]]:
        """Take note of the job that made a version; return what that read."""
        if edit.job_id is None or edit.job_id in self.writers:
            return []

        known = await self._run_of(edit.job_id)

        if known is None or (job := known.jobs.get(edit.job_id)) is None:
            return []

        read: list[tuple[DataNode, Edit]] = []
        unknown = []

        for name, node in job.task.input.items():
            if name in known.given:
                continue

            source = await self._read_by(known.run, node, edit.version)

            if source is None:
                unknown.append(name)
            else:
                read.append((node, source))

        self.writers[job.id] = ShownWriter(
            key=job.id,
            task=job.task.config_id,
            run=known.run.id,
            reads=[_key(node, source) for node, source in read],
            given=[name for name in job.task.input if name in known.given],
            unknown=unknown,
        )
        return read

    async def _read_by(self, run: Run, node: DataNode, before: int) -> Edit | None:
        """Return the version of a data node that a run has read.

        It is what the run itself wrote, else what was there at its submit, or what runs
        submitted earlier have written since.

        :param before: the number of what was made of it
        """
        edits = [it for it in await self._edits_of(node) if it.version < before]

        for edit in reversed(edits):
            if edit.job_id is not None and ids.submission_of(edit.job_id) == run.id:
                return edit

        for edit in reversed(edits):
            if edit.at <= run.submitted_at:
                return edit

            if edit.job_id is not None:
                other = await self._run_of(edit.job_id)

                if other is not None and other.run.submitted_at < run.submitted_at:
                    return edit

        return None

    async def _edits_of(self, node: DataNode) -> tuple[Edit, ...]:
        if node.id not in self._edits:
            self._edits[node.id] = await node.edits()

        return self._edits[node.id]

    async def _run_of(self, job_id: str) -> _Known | None:
        """Return the run of a job; None where it is not kept any more."""
        run_id = ids.submission_of(job_id)

        if run_id not in self._runs:
            try:
                run = cast("Run", await self.verbs.get_owner(run_id))
                self._runs[run_id] = _Known.of(run)
            except NotFound:
                self._runs[run_id] = None

        return self._runs[run_id]


def _key(node: DataNode, edit: Edit) -> str:
    return f"{node.id}@{edit.version}"


def _shown(node: DataNode, edit: Edit, *, is_current: bool) -> ShownVersion:
    return ShownVersion(
        key=_key(node, edit),
        node=node.config_id,
        at=edit.at.timestamp(),
        job=edit.job_id,
        editor=edit.editor_id,
        comment=edit.comment,
        is_current=is_current,
        is_kept=edit.is_kept,
    )
