"""The small values that a process has in memory: a bounded part of what the store has."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from typing import TypeAlias
from weakref import ReferenceType, ref

from anyio import to_thread

from asyncflow.abc import Store
from asyncflow.errors import StoreFailed
from asyncflow.runs.node import EVICTED, NodeState, Version
from asyncflow.task_group import Tasks
from asyncflow.worker.digests import digest

LIMIT = 64 * 1024 * 1024
"""How many bytes of values may be in memory, as far as the store has them, too."""

WORTH = 2048
"""Values with fewer bytes stay: their objects take as much."""

Entry: TypeAlias = tuple[ReferenceType[Version], int, bool]
"""A version, the bytes of its value, and whether skippable tasks read it."""


class ValueCache:
    """Evicts the values that were longest here, once they are committed; loads them again.

    What is read just now stays, as does what a run has pinned.

    :param store: where all values are
    :param group: evicts in the background
    :param limit: in bytes
    """

    def __init__(self, store: Store, group: Tasks, limit: float = LIMIT) -> None:
        self.store = store
        self.group = group
        self.limit = limit
        self.has_evicted: bool = False
        """Whether values may have to be loaded."""
        self._entries: deque[Entry] = deque()
        self._bytes = 0
        self._is_evicting = False

        self._threshold = self.limit
        """With how many bytes it evicts next: more than the limit where all of it stays."""

    def add(self, node: NodeState, version: Version) -> None:
        """Take note of a value of a data node that outlives this process."""
        kept = version.kept

        if not isinstance(kept, bytes) or len(kept) < WORTH:
            return

        self._entries.append((ref(version), len(kept), node.is_compared))
        self._bytes += len(kept)

        self._evict_above(self._threshold)

    def look_again(self) -> None:
        """Evict what is too much: what was in use the last time may be so no longer."""
        self._evict_above(self.limit)

    def _evict_above(self, limit: float) -> None:
        if self._bytes > limit and not self._is_evicting:
            self._is_evicting = True
            self.group.start_soon(self._evict)

    async def load(self, wanted: Iterable[tuple[NodeState, Version]]) -> None:
        """Have values in memory again; those that the store has no more stay evicted.

        They stay at least until the next time that others have their turn.
        """
        evicted = {
            (node.id, version.number): (node, version)
            for node, version in wanted
            if version.kept is EVICTED
        }

        if not evicted:
            return

        nodes = {node_id for node_id, _ in evicted}

        for record in await self.store.versions(node_ids=nodes, is_kept=True):
            if found := evicted.get((record.node_id, record.number)):
                node, version = found
                version.kept = record.kept
                self.add(node, version)

    async def _evict(self) -> None:
        try:
            with suppress(StoreFailed):  # then the store has not all of them
                while self._bytes > self.limit:
                    count = len(self._entries)
                    await self.store.flush()

                    if not await self._evict_some(self._oldest(count)):
                        break
        finally:
            more = self._bytes if self._bytes > self.limit else self.limit / 2
            self._threshold = self.limit / 2 + more
            self._is_evicting = False

    def _oldest(self, count: int) -> list[Entry]:
        """Take out the first entries until half of the limit is left.

        :param count: how many at most
        """
        oldest: list[Entry] = []

        while len(oldest) < count and self._bytes > self.limit / 2:
            oldest.append(self._entries.popleft())
            self._bytes -= oldest[-1][1]

        return oldest

    async def _evict_some(self, entries: Iterable[Entry]) -> bool:
        """Evict values, but those that are in use; tell whether that was any."""
        compared = [version for version, _, is_compared in entries if is_compared]
        await to_thread.run_sync(_describe, compared)
        has_evicted = False

        for entry in entries:
            version = entry[0]()

            if version is not None and version.readers:  # it goes another time
                self._entries.append(entry)
                self._bytes += entry[1]
                continue

            has_evicted = True

            if version is not None:
                version.kept = EVICTED
                self.has_evicted = True

        return has_evicted


def _describe(versions: Iterable[ReferenceType[Version]]) -> None:
    """Take note of what tells values from others, before they go. Takes a while."""
    for found in versions:
        version = found()

        if version and version.content is None and isinstance(version.kept, bytes):
            version.content = digest(version.kept)
