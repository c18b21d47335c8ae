"""Inputs: what a run was given, and what it has read of its sources."""

from __future__ import annotations

import os
import pickle
import time
from collections.abc import Iterable, Mapping
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import attrs
from anyio import CancelScope

from asyncflow.abc import Store, StoredValue
from asyncflow.config.dag import Dag
from asyncflow.config.section import same_value
from asyncflow.entities.submission import Run
from asyncflow.entities.submittable import Submittable, nodes_of, tasks_of
from asyncflow.errors import NoData, NotPicklable, UsageError
from asyncflow.ids import submission_of
from asyncflow.records import InputRecord, SubmissionRecord, VersionRecord
from asyncflow.runs.node import Given, NodeState
from asyncflow.values.files import ValueFiles
from asyncflow.values.versions import Versions
from asyncflow.worker.codec import dumps
from asyncflow.worker.digests import renamed
from asyncflow.worker.values import INLINE, fetch, keep_pickled

_UNMADE = ""
"""Stands for the path of a file that is not made yet."""


class UnmadeFile(Protocol):
    """A file that is to be made of a large value."""

    def make(self, files: ValueFiles) -> str:
        """Make it, perhaps again; return its path. Blocks."""


@attrs.frozen
class PickledFile:
    """The file of a value that is pickled."""

    path: str
    name: str
    """How an error calls the value."""
    data: bytes
    buffers: list[pickle.PickleBuffer]

    def make(self, files: ValueFiles) -> str:  # noqa: ARG002
        return keep_pickled(self.data, self.buffers, self.path, self.name, sync=True)


@attrs.frozen
class CopiedFile:
    """Another file of a value, which outlives the first one."""

    path: str
    source: str

    def make(self, files: ValueFiles) -> str:
        path = renamed(self.path, self.source)

        with files.here(self.source) as source:
            try:
                os.link(source, path)
            except FileExistsError:
                pass
            except OSError:  # no links there
                import shutil

                shutil.copyfile(source, path)

        return path


@attrs.define(eq=False, repr=False)
class RunInputs:
    """Keeps what runs are given, as long as their submissions are kept."""

    store: Store
    versions: Versions
    _unmade: WeakKeyDictionary[Given, UnmadeFile] = attrs.field(
        init=False, factory=WeakKeyDictionary
    )
    """What is to be in files that are not made yet."""

    def take(
        self, entity: Submittable, dag: Dag, inputs: Mapping[str, Any]
    ) -> dict[str, Given]:
        """Pickle what a run is given: what is changed afterwards it does not see.

        :param inputs: the values, by the config ids of the data nodes
        :raises UsageError: where the run writes one of them, or does not read it
        :raises ValueInvalid: where a validator refuses one
        :raises NotPicklable: where one cannot be kept, naming the part
        """
        for name in inputs:
            _check_source(entity, dag, name)

        nodes = nodes_of(entity)
        return {name: self._taken(nodes[name], value) for name, value in inputs.items()}

    def again(
        self, entity: Submittable, dag: Dag, given: Mapping[str, Given]
    ) -> dict[str, Given]:
        """Give a run what another was given, as far as it reads that."""
        nodes = nodes_of(entity)
        return {
            name: self._copied(nodes[name], value)
            for name, value in given.items()
            if name in dag.sources
        }

    @staticmethod
    def are_unmade(inputs: Iterable[InputRecord]) -> bool:
        """Tell whether a file is to be made of what a run is given."""
        return any(record.kept == _UNMADE for record in inputs)

    def records(self, run: Run) -> list[InputRecord]:
        """Return what is to be saved; all files are made."""
        nodes = nodes_of(run.entity)
        return [
            InputRecord(run.id, nodes[name].id, value.number, _named(value))
            for name, value in (run.given or {}).items()
        ]

    async def make(self, run: Run) -> list[InputRecord]:
        """Make the files of what is large; return what is to be saved."""
        given, files = (run.given or {}).values(), self.versions.files
        unmade = {
            value: self._unmade[value] for value in given if value in self._unmade
        }

        with CancelScope(shield=True):
            await files.in_thread(_make, unmade, files)

        for value in unmade:
            self._unmade.pop(value, None)

        return self.records(run)

    def lose(self, run: Run) -> None:
        """Remove the files of a run that there is not, after all."""
        for value in (run.given or {}).values():
            if isinstance(value.kept, str) and value.kept:
                self.versions.garbage.add(value.kept)

    async def of(self, run: Run, submission_id: str) -> dict[str, Given] | None:
        """Return what a submission was given that is kept; None for nothing.

        :param run: one of the same entity
        """
        records = {
            record.node_id: record for record in await self.store.inputs(submission_id)
        }
        found = {
            name: Given(records[node.id].number, self._kept(records[node.id].kept))
            for name, node in nodes_of(run.entity).items()
            if node.id in records
        }
        return found or None

    async def read(self, run: Run, name: str) -> Any:
        """Read what a run has read of a source; see `Submission.read`."""
        node = nodes_of(run.entity)[name]

        if given := (run.given or {}).get(name):
            return await self.versions.read_version(node, given)

        if pinned := (run.pins or {}).get(node.id):
            return await self.versions.read_version(node, pinned)

        return await self.versions.read(node, await self._number(run, node))

    async def _number(self, run: Run, node: NodeState) -> int:
        """Return the number of the version that a run reads.

        It is the last one before its submit, or what a run submitted earlier wrote.
        """
        found: VersionRecord | None = None
        arrived: VersionRecord | None = None
        until = None if run.finished_at is None else run.finished_at * 1e9

        for record in await self.store.versions(node_id=node.id):
            if record.number <= run.submitted * 1e9 or (
                record.job_id is not None
                and (until is None or record.number <= until)
                and await self._is_earlier(submission_of(record.job_id), run)
            ):
                found = record
            elif arrived is None and run.options.wait_for_data:
                arrived = record

        if (found := found or arrived) is None:
            raise NoData(node.config_id)

        return found.number

    async def _is_earlier(self, submission_id: str, run: Run) -> bool:
        record = await self.store.get(submission_id)
        return isinstance(record, SubmissionRecord) and record.submitted < run.submitted

    def _kept(self, kept: StoredValue) -> StoredValue:
        if isinstance(kept, str):
            return os.path.join(self.versions.folder, kept)

        return kept

    def _taken(self, node: NodeState, value: Any) -> Given:
        if (validator := node.driver.validator) is not None:
            from asyncflow.worker.validation import validated

            value = validated(validator, value, node.config_id)

        buffers: list[pickle.PickleBuffer] = []
        name = node.config_id

        try:
            data = dumps(value, buffers, name)
        except NotPicklable as error:
            raise NotPicklable(f"data node {error.path}", error.why) from error

        if not buffers and len(data) <= INLINE:
            return Given(time.time_ns(), data)

        # The buffers are the caller's own memory.
        copies = [pickle.PickleBuffer(bytes(buffer.raw())) for buffer in buffers]
        return self._to_make(
            PickledFile(self.versions.new_path(node), name, data, copies)
        )

    def _copied(self, node: NodeState, given: Given) -> Given:
        if isinstance(given.kept, bytes):
            return Given(time.time_ns(), given.kept)

        return self._to_make(CopiedFile(self.versions.new_path(node), given.kept or ""))

    def _to_make(self, file: UnmadeFile) -> Given:
        given = Given(time.time_ns(), _UNMADE)
        self._unmade[given] = file
        return given


def check_same_inputs(
    known: Mapping[str, Given] | None,
    given: Mapping[str, Given] | None,
    submission_id: str,
) -> None:
    """Refuse a key that a run has which was given other inputs.

    Large values, which are in files, are not compared.
    """
    known, given = known or {}, given or {}
    differ = [
        name
        for name in {**known, **given}
        if name not in known
        or name not in given
        or not _is_same(known[name].kept, given[name].kept)
    ]

    if differ:
        raise UsageError(
            f"this idempotency_key is that of {submission_id}, which was given other "
            f"inputs ({', '.join(differ)}): use a key of its own for each"
        )


def _is_same(left: StoredValue, right: StoredValue) -> bool:
    if not (isinstance(left, bytes) and isinstance(right, bytes)):
        return isinstance(left, bytes) is isinstance(right, bytes)

    return left == right or same_value(fetch(left), fetch(right))


def _check_source(entity: Submittable, dag: Dag, name: str) -> None:
    """Refuse to give what a run does not read, or writes itself."""
    if name in dag.sources:
        return

    for task in tasks_of(entity).values():
        if name in task.output:
            raise UsageError(
                f"{name!r} cannot be given to this run: its task {task.config_id!r} writes "
                f"it. Submit what reads it alone, as a sequence or as "
                f"`scenario.tasks[...]`, or write it with "
                f"`await scenario[{name!r}].write(...)`"
            )

    raise UsageError(
        f"{name!r} cannot be given to this run: no task of it reads that. Write it with "
        f"`await scenario[{name!r}].write(...)`; this run reads "
        f"{', '.join(dag.sources) or 'nothing'}"
    )


def _named(given: Given) -> StoredValue:
    kept = given.kept
    return os.path.basename(kept) if isinstance(kept, str) else kept


def _make(unmade: Mapping[Given, UnmadeFile], files: ValueFiles) -> None:
    """Make files. Blocks; may be called again."""
    for given, file in unmade.items():
        path = file.make(files)
        files.keep(path)
        given.kept = path
