"""The versions of data nodes: read and made."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any

from anyio import CancelScope, CapacityLimiter
from anyio.lowlevel import checkpoint

from asyncflow.abc import Driver, Executor, Store, StoredValue
from asyncflow.config.sections import NOT_GIVEN
from asyncflow.errors import NoData, NotFound, NotPicklable, RecordDamaged, ValueMissing
from asyncflow.ids import submission_of
from asyncflow.options import Page
from asyncflow.records import FirstVersionRecord, VersionRecord
from asyncflow.runs.node import (
    EVICTED,
    NOTHING_SAID,
    UNREAD,
    Given,
    NodeState,
    Said,
    Version,
)
from asyncflow.slices import listed
from asyncflow.task_group import Tasks
from asyncflow.values.files import Garbage, ValueFiles
from asyncflow.values.retention import Retention
from asyncflow.values.sharing import StoreSharing
from asyncflow.values.stored import StoredVersions, explain, load
from asyncflow.values.value_cache import LIMIT, WORTH, ValueCache
from asyncflow.worker.digests import compared
from asyncflow.worker.outcome import Placed
from asyncflow.worker.outputs import published
from asyncflow.worker.values import intent_path
from asyncflow.worker.wire import seen

if TYPE_CHECKING:
    from asyncflow.entities.parts import Ask
    from asyncflow.values.default_data import DefaultFiles
    from asyncflow.values.readers import Readers

STEPS = 100_000
"""How many nanoseconds there are between a number and the next one at most."""

TURN = 500
"""How many small values are read before others have their turn on the event loop."""

BY_DEFAULT = Said(comment="default data")

_new = tuple.__new__


class Versions:
    """Every value that is kept.

    `retention` has versions stay while they are used, `stored` takes over what others
    have written, and `garbage` removes the files of what is not kept any more.

    :param store: where versions are kept
    :param files: those of large values
    :param holder_id: the orchestrator that values in memory end with
    :param group: evicts values and removes files in the background
    :param sharing: others, who may write what is kept here
    :param executor: whose workers read what is large; None for none
    :param limiter: that of jobs
    """

    def __init__(
        self,
        store: Store,
        files: ValueFiles,
        holder_id: str,
        group: Tasks,
        sharing: StoreSharing,
        executor: Executor | None = None,
        limiter: CapacityLimiter | None = None,
    ) -> None:
        self.store = store
        self.files = files
        self.folder: str = files.folder
        self.holder_id = holder_id
        self.group = group
        self.sharing = sharing
        self.executor = executor
        self.limiter = limiter
        self.being_edited: list[NodeState] = []
        """What is written by hand just now: the keys of data nodes."""
        self._default_files: DefaultFiles | None = None
        self._readers: Readers | None = None
        self._reads = 0
        self._paths = 0
        self._step = 1 + hash(holder_id) % STEPS
        """What is added to a number later than now, in nanoseconds; others add another."""
        # Values that end with this process anyway stay: no store on disk has them.
        limit = inf if store.values_folder is None else LIMIT
        self.cache: ValueCache = ValueCache(store, group, limit)
        self.garbage: Garbage = Garbage(store, files, group, sharing)
        self.retention: Retention = Retention(store, holder_id, self.garbage)
        self.stored: StoredVersions = StoredVersions(
            store, files.folder, self.cache, self.retention
        )

    def new_path(self, node: NodeState) -> str:
        """Return the name of a file that a new value may have."""
        path = self.named_path(".value")
        return compared(path) if node.is_compared else path

    def named_path(self, end: str) -> str:
        """Return a new name for the file of a value.

        :param end: how it ends: digest and suffix
        """
        self._paths += 1
        return f"{self.folder}/{self.holder_id}-{self._paths}{end}"

    def read_now(self, node: NodeState) -> Any:
        """Return a small value that is in memory; `UNREAD` where one has to wait."""
        if (
            (version := node.version) is None
            or type(kept := version.kept) is not bytes
            or kept is EVICTED
            or self.sharing.is_shared
            or not (self._reads + 1) % TURN
        ):
            return UNREAD

        self._reads += 1

        try:
            return node.driver.read(kept)
        except Exception as error:
            explain(node, error)
            raise

    async def read(
        self,
        node: NodeState,
        number: int | None,
        ask: Ask | None = None,
        *,
        in_process: bool | None = None,
    ) -> Any:
        """Read a version of a data node, as the store has it now.

        :param number: which version; None for the current one
        :param ask: what its driver is asked for; None for the value
        :param in_process: see `DataNode.read`
        :raises NoData: where there is none
        """
        if self.is_shared:
            await self.stored.refresh([node])

        while True:
            version = await self._found(node, number)

            try:
                return await self.read_version(node, version, ask, in_process)
            except ValueMissing:
                # Another process has written twice since, and dropped this version.
                await self.stored.refresh([node])

                if number is not None or node.version is version:
                    await self._check_there(node)
                    raise

    async def _found(self, node: NodeState, number: int | None) -> Version:
        try:
            return node.found(number)
        except NoData:
            await self._check_there(node)
            raise

    async def _check_there(self, node: NodeState) -> None:
        """Tell that a data node was deleted, with its scenario, if it was.

        :raises NotFound: where it was
        """
        with suppress(RecordDamaged):  # it is there
            if await self.store.get(node.id) is None:
                raise NotFound(node.id) from None

    async def read_together(self, nodes: Sequence[NodeState]) -> tuple[Any, ...]:
        """Read the current versions of data nodes, as they are at one moment.

        :raises NoData: where one has none
        """
        tried: list[Version] = []

        while True:
            if self.is_shared:
                await self.stored.refresh(nodes)

            versions = [await self._found(node, None) for node in nodes]
            pairs = [*zip(nodes, versions, strict=True)]

            try:
                with self.retention.in_use(versions):
                    await self.cache.load(pairs)
                    return tuple(
                        [await self.read_version(node, kept) for node, kept in pairs]
                    )
            except ValueMissing:
                if versions == tried:  # no other process has dropped it
                    for node in nodes:
                        await self._check_there(node)

                    raise
            finally:
                self.cache.look_again()

            tried = versions

    @property
    def is_shared(self) -> bool:
        """Whether others may write what is kept here, or may have done so."""
        return self.sharing.is_shared

    async def load(self, pairs: Collection[tuple[NodeState, Version]]) -> None:
        """Have in memory what jobs are about to read, as far as it was there before."""
        try:
            with self.retention.in_use([version for _, version in pairs]):
                await self.cache.load(pairs)
        finally:
            self.cache.look_again()

        if any(version.kept is EVICTED for _, version in pairs):  # others dropped it
            await self.stored.refresh(node for node, _ in pairs)

    async def write(self, node: NodeState, value: object, said: Said) -> None:
        """Give a data node a new version, which is written as a whole or not at all.

        :raises NotPicklable: where the value cannot be kept
        """
        await self.edit(node, partial(_keep, node, value), said)

    async def edit(
        self,
        node: NodeState,
        keep: Callable[[str], StoredValue],
        said: Said = NOTHING_SAID,
    ) -> None:
        """Give a data node a new version; return when that is durable.

        :param keep: keeps it, given the file that it may make; called in a thread
        :raises NotFound: where the data node was deleted; nothing is left
        """
        from asyncflow.values import reading

        if node.version is None:  # before a file of the user's is written
            await self._check_there(node)

        self.being_edited.append(node)

        try:
            with CancelScope(shield=True):
                readers = await reading.find(self.store, node, self.sharing)
                kept = await self.files.in_thread(keep, self.new_path(node))
                last = node.versions
                made = self.replace(node, kept, said=said)
                again = partial(self.retention.again, (*last, *node.versions))

                if not await reading.write(self.store, node, made, readers, again):
                    await self.files.in_thread(self.files.remove, _files(node))
                    node.version, node.older = None, ()
                    raise NotFound(node.id)
        finally:
            self.being_edited.remove(node)

    async def defaults(
        self,
        nodes: Collection[NodeState],
        inputs: Mapping[str, Any] | None = None,
    ) -> list[VersionRecord]:
        """Write the default data of the data nodes that have no version yet.

        :param inputs: what is written instead, by config ids, also over a version
        :return: what is to be saved; see `first_versions.settle`
        """
        given = inputs or {}
        begins = await listed(_has_default, nodes)
        fresh = [
            node
            for node, has_default in zip(nodes, begins, strict=True)
            if (has_default and node.version is None)
            or (given and node.config_id in given)
        ]
        records: list[VersionRecord] = []

        if not fresh:
            return records

        how = fresh, [self.new_path(node) for node in fresh], given
        values = [given.get(node.config_id, node.config.default_data) for node in fresh]

        with CancelScope(shield=True):
            if all(map(NodeState.keeps_at_once, fresh, values)):
                kept = self._keep_defaults(*how)
            else:
                kept = await self.files.in_thread(self._keep_defaults, *how)

            for node, stored in zip(fresh, kept, strict=True):
                if node.config_id in given:
                    records += self.replace(node, stored, said=Said(comment="given"))
                elif node.version is None:
                    made = self.replace(node, stored, said=BY_DEFAULT)
                    records += (
                        map(FirstVersionRecord._make, made) if node.is_shared else made
                    )
                elif type(stored) is str:  # a shared one was written meanwhile
                    self.garbage.add(stored)

        return records

    def _keep_defaults(
        self, nodes: Sequence[NodeState], paths: Sequence[str], given: Mapping[str, Any]
    ) -> list[StoredValue]:
        """Keep the default data of all, or what is given instead, or nothing."""
        try:
            return [
                _keep(node, given[node.config_id], path)
                if node.config_id in given
                else self._keep_default(node, path)
                for node, path in zip(nodes, paths, strict=True)
            ]
        except BaseException:
            self.files.remove(paths)
            raise

    def _keep_default(self, node: NodeState, path: str) -> StoredValue:
        """Keep default data; a file of the user's that is there already stays."""
        default, files = node.config.default_data, self._default_files

        if not node.driver.keeps_versions:
            if default is not NOT_GIVEN and not node.driver.exists():
                return _keep(node, default, path)

            from asyncflow.values.default_data import found

            return found(node.driver)

        if files is not None and (linked := files.linked(node, path)):
            self.files.keep(linked)
            return linked

        if isinstance(kept := _keep(node, default, path), str):
            from asyncflow.values.default_data import DefaultFiles

            self._default_files = files or DefaultFiles()
            self._default_files.note(node, kept)

        return kept

    def replace(
        self,
        node: NodeState,
        kept: StoredValue,
        *,
        job_id: str | None = None,
        said: Said = NOTHING_SAID,
    ) -> list[VersionRecord]:
        """Make a kept value the current version of a data node.

        :param said: what who wrote it by hand says of it
        :return: what is to be saved, together
        """
        mark: str | None = None

        if kept is not None and type(kept) not in (bytes, str):
            if not isinstance(kept, Placed):
                raise TypeError(f"a value cannot be kept as {kept!r:.100}")

            mark, kept = str(kept), None

        if kept is None and job_id is not None:  # its intent has served
            self.garbage.add(intent_path(self.folder, self.holder_id, job_id))

        last = node.version
        number = said.at or time.time_ns()

        if last is not None and last.number >= number:  # of a clock that is ahead
            number = last.number + self._step

        if job_id is None and last is not None:
            number = max(number, self._after_submits(node, last))

        run_id = None if job_id is None else submission_of(job_id)
        node.version = version = Version(number, kept, run_id, mark)
        is_durable = node.driver.is_durable
        holder_id = None if is_durable else self.holder_id

        if type(kept) is str:
            name: StoredValue = os.path.basename(kept)
        else:
            name = kept

            if is_durable and kept is not None and len(kept) >= WORTH:
                self.cache.add(node, version)

        # By place and without a call, as there is one for each job.
        editor_id, comment, facts, _ = said
        by = editor_id, comment, holder_id, mark, facts
        made = node.id, number, name, True, job_id, *by
        records = [_new(VersionRecord, made)]

        if last is None:
            return records

        if self.is_shared and node.is_shared:
            self.group.start_soon(self.stored.tidy, node)

        older = (*node.older, last)
        first = max(0, len(older) - node.max_older)  # of those that stay
        node.older = older[first:]
        records += map(partial(self.retention.drop, node), older[:first])
        return records

    def _after_submits(self, node: NodeState, last: Version) -> int:
        """Pin a version for the runs that read it; return a number that is later than
        their submits, whatever clocks do: who takes one over goes by that.
        """
        pins = self.retention.pins
        return 0 if pins is None else pins.keep(node, last, is_made=True) + self._step

    async def read_version(
        self,
        node: NodeState,
        version: Version,
        ask: Ask | None = None,
        in_process: bool | None = None,
    ) -> Any:
        """Read a version of a data node.

        :param ask: what its driver is asked for, in a thread; None for the value
        :param in_process: see `DataNode.read`
        :raises ValueMissing: where it is not kept any more
        """
        if isinstance(version.kept, bytes):
            self._reads += 1

            if not self._reads % TURN:  # whoever reads thousands of small ones
                await checkpoint()

            if version.kept is EVICTED:
                await self.cache.load([(node, version)])

            if version.kept is EVICTED:
                raise ValueMissing(f"version {version.number} of {node.id}")

            if ask is None and in_process is not False:
                return load(node, self._driver_of(node, version), version.kept)

        self.retention.pin(version)

        try:
            driver = self._driver_of(node, version)
            read = self.readers.read(node, driver, version.kept, ask, in_process)
            place, value = await read

            if place is not None:
                from asyncflow.values import outside

                await outside.take(self, [outside.Seen(node, version, place)])
        except ValueMissing:
            raise
        except FileNotFoundError as error:  # a file of the user's
            file = error.filename or node.driver.place
            is_gone = await self._was_written(node)
            raise NoData(node.config_id, file=file, is_gone=is_gone) from error
        else:
            return value
        finally:
            self.retention.unpin(version)

    @property
    def readers(self) -> Readers:
        """What reads all but small values."""
        if self._readers is None:
            from asyncflow.values.readers import Readers

            self._readers = Readers(self, self.executor, self.limiter)

        return self._readers

    def _driver_of(self, node: NodeState, version: Version) -> Driver:
        return self.files.given_driver() if isinstance(version, Given) else node.driver

    async def _was_written(self, node: NodeState) -> bool:
        """Tell whether a data node has more than what it had at first."""
        records = await self.store.versions(node_ids=[node.id], page=Page(limit=2))
        return len(records) > 1 or any(record.job_id is not None for record in records)


def _files(node: NodeState) -> list[str]:
    """Return the files of the versions of a data node that is not there any more."""
    kept = [version.kept for version in node.versions]
    return [path for path in kept if isinstance(path, str)]


def _has_default(node: NodeState) -> bool:
    return node.config.default_data is not NOT_GIVEN or not node.driver.keeps_versions


def _keep(node: NodeState, value: object, path: str) -> StoredValue:
    if (validator := node.driver.validator) is not None:
        from asyncflow.worker.validation import validated

        value = validated(validator, value, node.config_id)

    driver = node.driver

    try:
        kept = published(driver, driver.write(value, path, node.config_id), path)
    except NotPicklable as error:
        raise NotPicklable(f"data node {error.path}", error.why) from error

    return seen(driver, kept)
