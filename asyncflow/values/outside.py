"""What others have done to places of the user's: each change is a version of its own."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from anyio import to_thread

from asyncflow.records import JobRecord, VersionRecord
from asyncflow.runs.node import Said
from asyncflow.worker.outcome import Placed
from asyncflow.worker.values import INTENT

if TYPE_CHECKING:
    from asyncflow.abc import Store, StoredValue
    from asyncflow.runs.node import NodeState, Place, Version
    from asyncflow.values.stored import StoredVersions

COMMENT = "changed outside"
"""What an edit says that nobody has told of."""


class Versions(Protocol):
    """What is asked of the values that are kept."""

    store: Store
    folder: str
    stored: StoredVersions
    being_edited: list[NodeState]

    @property
    def is_shared(self) -> bool: ...

    def replace(
        self, node: NodeState, kept: StoredValue, *, said: Said
    ) -> list[VersionRecord]: ...


class Seen(NamedTuple):
    """What was in the place of a data node, while that had a version."""

    node: NodeState
    version: Version
    place: Place


async def take(versions: Versions, seen: Iterable[Seen]) -> None:
    """Give data nodes a new version whose places others have changed.

    What a job or a write of ours is just making visible is none of that: it is looked at
    again, the next time.
    """
    changed = []

    for look in seen:
        if look.place.fingerprint is None or look.node.version is not look.version:
            continue

        if look.version.fingerprint is None and not _differs(look):
            _note(versions.store, look)
        elif _differs(look) and not _is_edited(look.node, versions):
            changed.append(look)

    if not changed or await _is_publishing(versions):
        return

    if versions.is_shared:  # somebody else may have seen it before
        await versions.stored.refresh(look.node for look in changed)

    for node, _, place in changed:
        version = node.version

        if version is not None and _differs(Seen(node, version, place)):
            _replace(versions, node, version, place)


def _differs(seen: Seen) -> bool:
    return seen.place.differs(seen.version, seen.version.fingerprint)


def _note(store: Store, seen: Seen) -> None:
    """Keep what is in a place of which that was not known."""
    node, version, place = seen
    version.fingerprint = place.fingerprint
    store.save(
        VersionRecord(node.id, version.number, None, fingerprint=place.fingerprint)
    )


def _replace(
    versions: Versions, node: NodeState, version: Version, place: Place
) -> None:
    assert place.fingerprint is not None
    at = place.changed_ns or 0
    kept = Placed(place.fingerprint)
    known = at if version.number < at <= time.time_ns() else None
    said = Said(comment=COMMENT, at=known)
    records = versions.replace(node, kept, said=said)
    versions.store.save(*records)

    if (new := node.version) is not None:
        new.place, new.is_outside = place, True


def _is_edited(node: NodeState, versions: Versions) -> bool:
    """Tell whether what is in the place of a data node is being written here."""
    return any(edited.key == node.key for edited in versions.being_edited)


async def _is_publishing(versions: Versions) -> bool:
    """Tell whether a job may have made something visible that is not committed yet."""
    for job_id in await to_thread.run_sync(_intents, versions.folder):
        found = await versions.store.get(job_id)

        if not isinstance(found, JobRecord) or found.finished is None:
            return True

    return False


def _intents(folder: str) -> Sequence[str]:
    """Return the jobs that make something visible. Blocks."""
    try:
        names = os.listdir(folder)
    except OSError:  # there is none yet
        return ()

    return [
        name.removesuffix(INTENT).partition("-")[2]
        for name in names
        if name.endswith(INTENT)
    ]
