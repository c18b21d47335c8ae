"""Retention: how long versions stay that are not kept any more."""

from __future__ import annotations

import os
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any, Protocol

from asyncflow.abc import Store
from asyncflow.records import VersionRecord
from asyncflow.runs.node import NodeState, Version
from asyncflow.runs.run import Run
from asyncflow.values.files import Garbage

_new = tuple.__new__


class Pins(Protocol):
    """Pins for runs what they are to read."""

    def keep(self, node: NodeState, last: Version, *, is_made: bool) -> int:
        """Pin what a new version replaces, unless a job of a run here has made it.

        :param last: what was current until then
        :param is_made: whether the new one is made just now, and not one of others
        :return: when the last run that reads the data node was submitted, in nanoseconds
            since the epoch; 0 for none
        """

    def expect(self, run: Run[Any], nodes: Iterable[NodeState]) -> None:
        """Take note of what others may replace just now, that a run is to read."""

    def forget(self, run: Run[Any]) -> None:
        """Forget a run that does not begin here."""

    async def settle(self, run: Run[Any]) -> None:
        """Have a run read what was current when the store took it."""

    async def sweep(self) -> None:
        """Remove what was kept for runs that have ended, for those of others, too."""

    def holding(self, runs: Sequence[Run[Any]]) -> AbstractAsyncContextManager[None]:
        """Have what runs that were adopted are to read stay, until they have pinned it."""


class Results(Protocol):
    """Holds for handles what their runs have written."""

    known: Container[str | None]
    """The ids of the runs whose handles may be used."""

    def keep(self, node: NodeState, version: Version) -> None:
        """Hold a version that is to be dropped, if a handle that is used may read it."""


class Retention:
    """Has versions stay as long as somebody here reads or holds them.

    :param holder_id: the orchestrator that held versions end with
    :param garbage: takes the files of those that go
    """

    def __init__(self, store: Store, holder_id: str, garbage: Garbage) -> None:
        self.store = store
        self.holder_id = holder_id
        self.garbage = garbage
        self.pins: Pins | None = None
        self.results: Results | None = None
        self.pinned: dict[Version, int] = {}
        """The versions that are held, for runs that read them or have written them: how
        often."""

    def pin(self, version: Version) -> None:
        """Keep a version while it is read."""
        version.readers += 1

    def unpin(self, version: Version) -> None:
        """Let a version go that was pinned."""
        version.readers -= 1
        self._discard(version)

    @contextmanager
    def in_use(self, versions: Sequence[Version]) -> Iterator[None]:
        """Have versions neither dropped nor evicted meanwhile."""
        for version in versions:
            self.pin(version)

        try:
            yield
        finally:
            for version in versions:
                self.unpin(version)

    def hold(self, version: Version) -> None:
        """Keep a version also when it is dropped, until `end_hold`."""
        self.pinned[version] = self.pinned.get(version, 0) + 1

    def end_hold(self, version: Version) -> bool:
        """End what `hold` has begun; tell whether nobody else holds the version."""
        count = self.pinned.pop(version) - 1

        if count:
            self.pinned[version] = count

        return not count

    def let_go(self, node: NodeState, version: Version, *, is_deleted: bool) -> None:
        """Hold a version no more; drop it if it was to be dropped.

        :param is_deleted: whether the store knows nothing of the data node any more
        """
        if not self.end_hold(version) or not version.is_dropped:
            return

        if not is_deleted:
            gone = VersionRecord(node.id, version.number, None, is_kept=False)
            self.store.save(gone)

        self._discard(version)

    def held_record(self, node: NodeState, version: Version) -> VersionRecord:
        """Describe a version that is kept for runs, whatever others drop."""
        name = version.kept
        kept = os.path.basename(name) if isinstance(name, str) else name
        return VersionRecord(node.id, version.number, kept, holder_id=self.holder_id)

    def drop(self, node: NodeState, version: Version) -> VersionRecord:
        """Stop keeping a version; return what is to be saved.

        What is held stays in the store, too: it ends with the orchestrator that holds it,
        or with its heir.
        """
        version.is_dropped = True

        results = self.results

        if results is not None and (
            version.submission_id in results.known or version.reused_by is not None
        ):
            results.keep(node, version)

        if version in self.pinned and node.driver.is_durable:
            return self.held_record(node, version)

        if isinstance(version.kept, str):
            self._discard(version)

        gone = node.id, version.number, None, False, None, None, "", None, None, None
        return _new(VersionRecord, gone)  # without a call, as there is one for each job

    def again(
        self, versions: Sequence[Version], records: Sequence[VersionRecord]
    ) -> list[VersionRecord]:
        """Bring records up to date that were not saved so far: what they say may be over.

        :param versions: those of the data node that they may be of
        """
        dropped = {
            version.number: version for version in versions if version.is_dropped
        }
        return [self._again(dropped.get(record.number), record) for record in records]

    def _again(self, dropped: Version | None, record: VersionRecord) -> VersionRecord:
        if dropped is None:
            return record

        if dropped not in self.pinned:
            return record._replace(kept=None, is_kept=False, holder_id=None)

        name = dropped.kept
        kept = os.path.basename(name) if isinstance(name, str) else name
        return record._replace(kept=kept, is_kept=True, holder_id=self.holder_id)

    def refuse(self, version: Version) -> None:
        """Stop keeping a version that was never saved."""
        version.is_dropped = True
        self._discard(version)

    def _discard(self, version: Version) -> None:
        """Have the file of a version removed that is neither kept nor read."""
        if (
            not version.is_dropped
            or version.readers
            or version in self.pinned
            or not isinstance(version.kept, str)
        ):
            return

        self.garbage.add(version.kept)
