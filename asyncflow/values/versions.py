"""The versions of data nodes: read, made, and dropped when they are not kept any more."""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import suppress
from math import inf
from typing import Any

import attrs
from anyio import CancelScope, to_thread
from anyio.lowlevel import checkpoint

from asyncflow.abc import Store, StoredValue
from asyncflow.config.sections import NOT_GIVEN
from asyncflow.entities.data_node import DataNode
from asyncflow.entities.submission import Run
from asyncflow.errors import (
    NoData,
    NotFound,
    NotPicklable,
    RecordDamaged,
    StoreFailed,
    ValueMissing,
)
from asyncflow.ids import submission_of
from asyncflow.log import logger as _logger
from asyncflow.records import VersionRecord
from asyncflow.runs.version import EVICTED, Version
from asyncflow.task_group import Tasks
from asyncflow.values.sharing import StoreSharing
from asyncflow.values.value_cache import LIMIT, ValueCache
from asyncflow.worker.digests import compared

LEASE = 30.0
"""How long the file of a version that is not kept stays for others, in seconds: they may
have given it to a job that has not read it yet."""

STEPS = 100_000
"""How many nanoseconds there are between a number and the next one at most."""

TURN = 500
"""How many small values are read before others have their turn on the event loop."""


@attrs.define(eq=False, repr=False)
class Versions:
    """Every value that is kept.

    A version that is not kept any more stays as long as somebody here reads it; where
    others are on the store, its file stays for a lease, or until this is closed. Its
    file goes when that is durable: what a crash leaves between the two, recovery
    sweeps.

    :param store: where versions are kept
    :param folder: where the files of large values are
    :param holder_id: the orchestrator that values in memory end with
    :param group: removes files in the background
    :param sharing: others, who may write what is kept here
    """

    store: Store
    folder: str
    holder_id: str
    group: Tasks
    sharing: StoreSharing
    replaced: Callable[[DataNode, Sequence[Version], float], None] | None = attrs.field(
        init=False, default=None
    )
    """Is told before a version is replaced, unless a job of a run here has made it."""
    cache: ValueCache = attrs.field(init=False)
    dropping: Callable[[DataNode, Version], None] | None = attrs.field(
        init=False, default=None
    )
    """Is told before a version is dropped, and may hold it."""
    renew_pins: Callable[[Run], Awaitable[None]] | None = attrs.field(
        init=False, default=None
    )
    """Has a run read something else in the place of a pinned file that is gone."""
    pinned: dict[Version, int] = attrs.field(init=False, factory=dict)
    """The versions that are held, for runs that read them or have written them: how
    often."""
    _step: int = attrs.field(init=False)
    """What is added to the number of a version that was made later than it is here, in
    nanoseconds. Others add something else."""
    _reads: int = attrs.field(init=False, default=0)
    _paths: int = attrs.field(init=False, default=0)
    _garbage: list[str] = attrs.field(init=False, factory=list)
    _leased: deque[tuple[float, str]] = attrs.field(init=False, factory=deque)
    """The files that stay for others, and until when, the first to go first."""
    _clock: asyncio.TimerHandle | None = attrs.field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        self._step = 1 + hash(self.holder_id) % STEPS
        # Values that end with this process anyway stay: no store on disk has them.
        limit = inf if self.store.values_folder is None else LIMIT
        self.cache = ValueCache(self.store, self.group, limit)

    def new_path(self, node: DataNode) -> str:
        """Return the name of a file that a new value may have."""
        self._paths += 1
        path = f"{self.folder}/{self.holder_id}-{self._paths}.value"
        return compared(path) if node.is_compared else path

    async def read(self, node: DataNode, number: int | None) -> Any:
        """Read a version of a data node, as the store has it now.

        :param number: which version; None for the current one
        :raises NoData: where there is none
        """
        if self.is_shared:
            await self.refresh([node])

        while True:
            version = _find(node, number)

            try:
                return await self.read_version(node, version)
            except ValueMissing:
                # Another process has written twice since, and dropped this version.
                await self.refresh([node])

                if number is not None or node.version is version:
                    await self._check_there(node)
                    raise

    async def _check_there(self, node: DataNode) -> None:
        """Tell that a data node was deleted, with its scenario, if it was.

        :raises NotFound: where it was
        """
        with suppress(RecordDamaged):  # it is there
            if await self.store.get(node.id) is None:
                raise NotFound(node.id) from None

    async def read_together(self, nodes: Sequence[DataNode]) -> tuple[Any, ...]:
        """Read the current versions of data nodes, as they are at one moment.

        :raises NoData: where one has none
        """
        tried: list[Version] = []

        while True:
            if self.is_shared:
                await self.refresh(nodes)

            versions = [_find(node, None) for node in nodes]

            for version in versions:
                self.pin(version)

            pairs = [*zip(nodes, versions, strict=True)]

            try:
                await self.cache.load(pairs)
                return tuple(
                    [await self.read_version(node, one) for node, one in pairs]
                )
            except ValueMissing:
                if versions == tried:  # no other process has dropped it
                    for node in nodes:
                        await self._check_there(node)

                    raise
            finally:
                for version in versions:
                    self.unpin(version)

            tried = versions

    @property
    def is_shared(self) -> bool:
        """Whether others may write what is kept here, or may have done so."""
        return self.sharing.is_shared

    async def refresh(self, nodes: Iterable[DataNode], *, tidies: bool = False) -> None:
        """Look what others have written: at one moment, for all of them.

        :param tidies: whether those are dropped that several writers have each left for
            the others to drop
        """
        wanted = {node.id: node for node in nodes}

        if not wanted:
            return

        before = {node_id: node.versions for node_id, node in wanted.items()}
        found: dict[str, list[VersionRecord]] = {node_id: [] for node_id in wanted}

        for record in await self.store.versions(node_ids=wanted, is_kept=True):
            found[record.node_id].append(record)

        for node_id, node in wanted.items():
            self._take(node, found[node_id], before[node_id])

            if tidies:
                self._tidy(node, found[node_id], before[node_id])

    async def refresh_shared(self, nodes: Iterable[DataNode]) -> None:
        """Look what others have written of what scenarios share."""
        if self.is_shared:
            await self.refresh(node for node in nodes if node.owner_id is None)

    def _take(
        self,
        node: DataNode,
        records: Sequence[VersionRecord],
        before: Collection[Version],
    ) -> None:
        """Take over the last versions that a store has; what is newer here stays.

        :param before: those that were known when the store was asked, which had them then
        """
        known = {version.number: version for version in node.versions}
        ordered = [
            known.pop(one.number) if one.number in known else self._made(node, one)
            for one in chain(node, records)
        ]
        ordered += [one for one in known.values() if one not in before]

        if ordered:
            self._told(node, ordered)
            *node.older, node.version = ordered[-_older(node) - 1 :]
            self._left(node, before)

    def _left(self, node: DataNode, before: Collection[Version]) -> None:
        """Tell of versions that others have dropped, or are about to."""
        if self.dropping is None:
            return

        known = node.versions

        for version in before:
            if version not in known and version.kept is not EVICTED:
                self.dropping(node, version)

    async def load(self, pairs: Collection[tuple[DataNode, Version]]) -> None:
        """Have in memory what jobs are about to read, as far as it was there before."""
        for _, version in pairs:  # nor is any of them evicted meanwhile
            self.pin(version)

        try:
            await self.cache.load(pairs)
        finally:
            for _, version in pairs:
                self.unpin(version)

        if any(version.kept is EVICTED for _, version in pairs):  # others dropped it
            await self.refresh(node for node, _ in pairs)

    async def write(
        self, node: DataNode, value: object, editor_id: str | None, comment: str
    ) -> None:
        """Give a data node a new version, which is written as a whole or not at all.

        :raises NotPicklable: where the value cannot be kept
        """
        with CancelScope(shield=True):
            kept = await to_thread.run_sync(_keep, node, value, self.new_path(node))
            self.store.save(
                *self.replace(node, kept, editor_id=editor_id, comment=comment)
            )

    async def defaults(self, nodes: Collection[DataNode]) -> list[VersionRecord]:
        """Write the default data of the data nodes that have no version yet.

        :return: what is to be saved
        """
        fresh = [node for node in nodes if node.version is None and _has_default(node)]
        records: list[VersionRecord] = []

        if not fresh:
            return records

        paths = [self.new_path(node) for node in fresh]

        with CancelScope(shield=True):
            kept = await to_thread.run_sync(_keep_defaults, fresh, paths)

            for node, one in zip(fresh, kept, strict=True):
                if node.version is None:  # a shared one may have been written meanwhile
                    records += self.replace(node, one, comment="default data")

        return records

    def replace(
        self,
        node: DataNode,
        kept: StoredValue,
        *,
        job_id: str | None = None,
        editor_id: str | None = None,
        comment: str = "",
    ) -> list[VersionRecord]:
        """Make a kept value the current version of a data node.

        :return: what is to be saved, together
        """
        if kept is not None and type(kept) not in (bytes, str):
            raise TypeError(f"a value cannot be kept as {kept!r:.100}")

        last = node.version

        if job_id is None and last is not None and self.replaced is not None:
            self.replaced(node, (last,), inf)

        number = time.time_ns()

        if last is not None and last.number >= number:  # of a clock that is ahead
            number = last.number + self._step

        node.version = version = Version(number, kept, _run_of(job_id))

        if node.driver.is_durable:
            self.cache.add(node, version)

        made = VersionRecord(  # by place, as there is one for each job
            node.id,
            number,
            os.path.basename(kept) if isinstance(kept, str) else kept,
            True,
            job_id,
            editor_id,
            comment,
            None if node.driver.is_durable else self.holder_id,
        )

        if last is None:
            return [made]

        if node.owner_id is None and self.is_shared:
            self.group.start_soon(self._look, node)

        node.older.append(last)
        surplus = max(0, len(node.older) - _older(node))
        dropped, node.older = node.older[:surplus], node.older[surplus:]
        return [made, *(self._drop(node, old) for old in dropped)]

    def pin(self, version: Version) -> None:
        """Keep a version while it is read."""
        version.readers += 1

    def unpin(self, version: Version) -> None:
        """Let a version go that was pinned."""
        version.readers -= 1
        self._discard(version)

    def hold(self, version: Version) -> None:
        """Keep a version also when it is dropped, until `end_hold`."""
        self.pinned[version] = self.pinned.get(version, 0) + 1

    def end_hold(self, version: Version) -> bool:
        """End what `hold` has begun; tell whether nobody else holds the version."""
        count = self.pinned.pop(version) - 1

        if count:
            self.pinned[version] = count

        return not count

    def let_go(self, node: DataNode, version: Version, *, is_deleted: bool) -> None:
        """Hold a version no more; drop it if it was to be dropped.

        :param is_deleted: whether the store knows nothing of the data node any more
        """
        if not self.end_hold(version) or not version.is_dropped:
            return

        if not is_deleted:
            gone = VersionRecord(node.id, version.number, None, is_kept=False)
            self.store.save(gone)

        self._discard(version)

    async def read_version(self, node: DataNode, version: Version) -> Any:
        """Read a version of a data node.

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

            return _load(node, version.kept)

        self.pin(version)

        try:
            return await to_thread.run_sync(_load, node, version.kept)
        except ValueMissing:
            raise
        except FileNotFoundError as error:  # a file of the user's
            file = error.filename or node.driver.place
            raise NoData(node.config_id, file=file) from error
        finally:
            self.unpin(version)

    def held(self, record: VersionRecord) -> Version:
        """Return a version that is kept for a run alone."""
        version = self._version(record)
        version.is_dropped = True
        return version

    def held_record(self, node: DataNode, version: Version) -> VersionRecord:
        """Describe a version that is kept for runs, whatever others drop."""
        name = version.kept
        kept = os.path.basename(name) if isinstance(name, str) else name
        return VersionRecord(node.id, version.number, kept, holder_id=self.holder_id)

    def _told(self, node: DataNode, ordered: Sequence[Version]) -> None:
        """Tell that the last of some versions is the current one from now on."""
        last, newest = node.version, ordered[-1]

        if last is not None and newest is not last and self.replaced is not None:
            begin = ordered.index(last) + 1 if last in ordered else 0
            known = node.versions
            between = [one for one in ordered[begin:-1] if one not in known]
            self.replaced(node, (last, *between), newest.number)

    def _made(self, node: DataNode, record: VersionRecord) -> Version:
        version = self._version(record)

        if node.driver.is_durable:
            self.cache.add(node, version)

        return version

    def _version(self, record: VersionRecord) -> Version:
        kept = record.kept

        if isinstance(kept, str):
            kept = os.path.join(self.folder, kept)

        return Version(record.number, kept, _run_of(record.job_id))

    async def _look(self, node: DataNode) -> None:
        """Drop what others have written, and is not kept any more."""
        with suppress(StoreFailed):  # who awaits a run has it raised
            await self.refresh([node], tidies=True)

    def _tidy(
        self,
        node: DataNode,
        records: Iterable[VersionRecord],
        before: Iterable[Version],
    ) -> None:
        """Drop all versions but the last ones, and those that are kept for a run."""
        stays = {version.number for version in node.versions}
        known = {one.number: one for one in before}
        surplus = [
            known.get(record.number) or self._made(node, record)
            for record in records
            if record.number not in stays
            and (record.holder_id is None or not node.driver.is_durable)
        ]
        self.store.save(*(self._drop(node, surplu) for surplu in surplus))

    def _drop(self, node: DataNode, version: Version) -> VersionRecord:
        """Stop keeping a version; return what is to be saved.

        What is held stays in the store, too: it ends with the orchestrator that holds it,
        or with its heir.
        """
        version.is_dropped = True

        if self.dropping is not None:
            self.dropping(node, version)

        if version in self.pinned and node.driver.is_durable:
            return self.held_record(node, version)

        self._discard(version)
        return VersionRecord(node.id, version.number, None, is_kept=False)

    def _discard(self, version: Version) -> None:
        """Have the file of a version removed that is neither kept nor read."""
        if (
            not version.is_dropped
            or version.readers
            or version in self.pinned
            or not isinstance(version.kept, str)
        ):
            return

        if self.is_shared:
            self._lease(version.kept)
        else:
            self._throw_away(version.kept)

    def _throw_away(self, path: str) -> None:
        if not self._garbage:
            self.group.start_soon(self.collect)

        self._garbage.append(path)

    def _lease(self, path: str) -> None:
        self._leased.append((time.monotonic() + LEASE, path))

        if self._clock is None:
            loop = asyncio.get_running_loop()
            self._clock = loop.call_later(LEASE, self._end_leases)

    def _end_leases(self) -> None:
        """Throw away what others have had the time to read."""
        self._clock = None
        now = time.monotonic()

        while self._leased and self._leased[0][0] <= now:
            self._throw_away(self._leased.popleft()[1])

        if self._leased:
            loop = asyncio.get_running_loop()
            wait = self._leased[0][0] - now
            self._clock = loop.call_later(wait, self._end_leases)

    async def close(self) -> None:
        """Remove the files that nobody needs here, also those that stay for others."""
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

        self._garbage += [path for _, path in self._leased]
        self._leased.clear()
        await self.collect()

    async def collect(self) -> None:
        """Remove the files that nobody needs any more."""
        if not self._garbage:
            return

        garbage = self._garbage[:]
        self._garbage.clear()

        with CancelScope(shield=True), suppress(StoreFailed):  # then they are kept
            await self.store.flush()

            if self.is_shared:  # some are pinned for runs of others, who remove them
                kept = await self.store.kept_names()
                garbage = [one for one in garbage if os.path.basename(one) not in kept]

            await to_thread.run_sync(remove, garbage)


def remove(paths: Iterable[str]) -> None:
    """Remove files; one that cannot be removed holds up nothing. Blocks."""
    for path in paths:
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass
        except OSError as error:
            _logger.warning("a file that nobody needs could not be removed: %s", error)


def _load(node: DataNode, kept: StoredValue | None) -> Any:
    """Load a value; say which data node has one of which the code is not here."""
    try:
        return node.driver.read(kept)
    except (ModuleNotFoundError, AttributeError) as error:
        problem = (
            f"the value of data node {node.config_id!r} cannot be loaded: {error}; have "
            "what defines its class where this program can import it"
        )

        if isinstance(error, ModuleNotFoundError):
            raise ModuleNotFoundError(problem, name=error.name) from error

        raise AttributeError(problem) from error


def _find(node: DataNode, number: int | None) -> Version:
    if number is None and node.version is not None:
        return node.version

    for version in node.versions:
        if version.number == number:
            return version

    raise NoData(node.config_id, number)


def _run_of(job_id: str | None) -> str | None:
    return None if job_id is None else submission_of(job_id)


def _has_default(node: DataNode) -> bool:
    return node.config.default_data is not NOT_GIVEN or not node.driver.keeps_versions


def chain(node: DataNode, records: Iterable[VersionRecord]) -> list[VersionRecord]:
    """Return the versions that can be read, of those that a store has.

    Those before them are kept for runs alone.
    """
    return [record for record in records if record.is_kept][-_older(node) - 1 :]


def _older(node: DataNode) -> int:
    """Return how many versions are kept beside the current one."""
    return node.config.keep_versions if node.driver.keeps_versions else 0


def _keep_defaults(
    nodes: Sequence[DataNode], paths: Sequence[str]
) -> list[StoredValue]:
    """Keep the default data of all, or of none."""
    try:
        return [
            _keep_default(node, path) for node, path in zip(nodes, paths, strict=True)
        ]
    except BaseException:
        remove(paths)
        raise


def _keep_default(node: DataNode, path: str) -> StoredValue:
    """Keep default data; a file of the user's that is there already stays."""
    default = node.config.default_data

    if node.driver.keeps_versions:
        return _keep(node, default, path)

    if default is NOT_GIVEN or node.driver.exists():
        return None

    return _keep(node, default, path)


def _keep(node: DataNode, value: object, path: str) -> StoredValue:
    try:
        return node.driver.publish(node.driver.write(value, path, node.config_id), path)
    except NotPicklable as error:
        raise NotPicklable(f"data node {error.path}", error.why) from error
