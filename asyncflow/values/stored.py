"""The versions that the store has: those that others have written, too."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from asyncflow.abc import Driver, Store, StoredValue
from asyncflow.errors import AsyncflowError, DataNodeReadingError, StoreFailed
from asyncflow.ids import submission_of
from asyncflow.records import VersionRecord
from asyncflow.runs.node import EVICTED, NodeState, Version
from asyncflow.values.retention import Retention
from asyncflow.values.value_cache import ValueCache

if TYPE_CHECKING:
    from asyncflow.entities.parts import Ask


class StoredVersions:
    """Has data nodes know what is in the store.

    :param folder: where the files of large values are
    :param cache: takes note of small values
    :param retention: drops what is not kept any more
    """

    def __init__(
        self, store: Store, folder: str, cache: ValueCache, retention: Retention
    ) -> None:
        self.store = store
        self.folder = folder
        self.cache = cache
        self.retention = retention
        self._looks = 0
        """How often it was looked what others have written."""

    async def refresh(
        self, nodes: Iterable[NodeState], *, tidies: bool = False
    ) -> None:
        """Look what others have written: at one moment, for all of them.

        :param tidies: whether those are dropped that several writers have each left for
            the others to drop
        """
        wanted = {node.id: node for node in nodes}

        while wanted:
            look = self._looks = self._looks + 1
            before = {node_id: node.versions for node_id, node in wanted.items()}
            found: dict[str, list[VersionRecord]] = {node_id: [] for node_id in wanted}

            for record in await self.store.versions(node_ids=wanted, is_kept=True):
                found[record.node_id].append(record)

            # Another look has found something meanwhile, and nobody knows which is older.
            if any(node.learnt >= look for node in wanted.values()):
                continue

            for node_id, node in wanted.items():
                self._take(node, found[node_id], before[node_id])

                if tidies:
                    self._tidy(node, found[node_id], before[node_id])

            return

    async def refresh_shared(self, nodes: Iterable[NodeState]) -> None:
        """Look what others have written of what scenarios share."""
        await self.refresh(node for node in nodes if node.is_shared)

    def _take(
        self,
        node: NodeState,
        records: Sequence[VersionRecord],
        before: Collection[Version],
    ) -> None:
        """Take over the last versions that a store has; what was written here meanwhile
        stays.

        :param before: those that were known when the store was asked, which had them then
        """
        versions = node.versions
        known = {version.number: version for version in versions}
        ordered = [
            known[version.number]
            if version.number in known
            else self._made(node, version)
            for version in chain(node, records)
        ]
        there = {*before, *(known.get(record.number) for record in records)}
        ordered += [version for version in versions if version not in there]

        if not ordered:
            return

        self._told(node, ordered)
        *older, node.version = ordered[-node.max_older - 1 :]
        node.older = tuple(older)

        if node.versions != versions:
            node.learnt = self._looks

        self._left(node, before)

    def _left(self, node: NodeState, before: Collection[Version]) -> None:
        """Tell of versions that others have dropped, or are about to."""
        if self.retention.results is None:
            return

        known = node.versions

        for version in before:
            if version not in known and version.kept is not EVICTED:
                self.retention.results.keep(node, version)

    def held(self, record: VersionRecord) -> Version:
        """Return a version that is kept for a run alone."""
        version = self._version(record)
        version.is_dropped = True
        return version

    def _told(self, node: NodeState, ordered: Sequence[Version]) -> None:
        """Tell that the last of some versions is the current one from now on."""
        last, newest = node.version, ordered[-1]

        if last is not None and newest is not last and self.retention.pins is not None:
            self.retention.pins.keep(node, last, is_made=False)

    def _made(self, node: NodeState, record: VersionRecord) -> Version:
        version = self._version(record)

        if node.driver.is_durable:
            self.cache.add(node, version)

        return version

    def _version(self, record: VersionRecord) -> Version:
        kept = record.kept

        if isinstance(kept, str):
            kept = os.path.join(self.folder, kept)

        made = record.number, kept, _run_of(record.job_id), record.fingerprint
        return Version(*made)

    async def tidy(self, node: NodeState) -> None:
        """Drop what others have written, and is not kept any more."""
        with suppress(StoreFailed):  # who awaits a run has it raised
            await self.refresh([node], tidies=True)

    def _tidy(
        self,
        node: NodeState,
        records: Iterable[VersionRecord],
        before: Iterable[Version],
    ) -> None:
        """Drop all versions but the last ones that the store has, and those that are kept
        for a run.
        """
        stays = {record.number for record in chain(node, records)}
        known = {version.number: version for version in (*before, *node.versions)}
        surplus = [
            known.get(record.number) or self._made(node, record)
            for record in records
            if record.number not in stays
            and (record.holder_id is None or not node.driver.is_durable)
        ]
        self.store.save(*(self.retention.drop(node, version) for version in surplus))


def chain(node: NodeState, records: Iterable[VersionRecord]) -> list[VersionRecord]:
    """Return the versions that can be read, of those that a store has.

    Those before them are kept for runs alone.
    """
    return [record for record in records if record.is_kept][-node.max_older - 1 :]


def _run_of(job_id: str | None) -> str | None:
    return None if job_id is None else submission_of(job_id)


def load(
    node: NodeState, driver: Driver, kept: StoredValue, ask: Ask | None = None
) -> Any:
    if ask is None:
        return named(node, driver.read, kept)

    return named(node, ask, driver, kept)


def named(node: NodeState, load: Callable[..., Any], *args: Any) -> Any:
    """Load a value; say which data node has one of which the code is not here."""
    try:
        return load(*args)
    except Exception as error:
        explain(node, error)
        raise


def explain(node: NodeState, error: Exception) -> None:
    """Have an error of a read say which data node has the value.

    :raises Exception: another of its kind, where its own text does not say what to do
    """
    if isinstance(error, DataNodeReadingError):
        error.node = node.config_id
    elif isinstance(error, ModuleNotFoundError | AttributeError):
        problem = (
            f"the value of data node {node.config_id!r} cannot be loaded: {error}; have "
            "what defines its class where this program can import it"
        )

        if isinstance(error, ModuleNotFoundError):
            raise ModuleNotFoundError(problem, name=error.name) from error

        raise AttributeError(problem) from error  # noqa: TRY004  # what was raised
    elif not isinstance(error, AsyncflowError):  # a function's own
        BaseException.add_note(error, f"while reading data node {node.config_id!r}")
