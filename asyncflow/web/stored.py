"""How much is stored, and the files that nobody needs any more."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

from anyio import to_thread

from asyncflow.abc.sizes import MeasuredStore
from asyncflow.errors import StoreFailed
from asyncflow.orchestrator import Orchestrator
from asyncflow.runtime.values_place import files_at
from asyncflow.values.lost import HERE, lost

SHOWN = 100
"""How many lost files are named."""


class Stored(NamedTuple):
    """How much a store has, in files and bytes."""

    database: int | None
    """The records, with what jobs printed and small values; None where memory has them."""
    logs: int | None
    """About how much of that jobs have printed."""
    small_values: int | None
    """About how much of that are small values."""
    tables: Mapping[str, int]
    """What each table takes, the largest first, where the database tells."""
    files: int
    """The files of large values, here and at an address: a copy is no other file."""
    values: int
    lost: int
    """The files that processes which were killed have left: `asyncflow gc` removes them."""
    lost_bytes: int
    lost_names: tuple[str, ...]
    """The first of them."""
    unlisted: str | None
    """Why no file at the address of values is counted; None where all are."""


async def stored(orchestrator: Orchestrator) -> Stored:
    """Measure a store, and the files of its values, here and at an address.

    The files are listed first: who makes one is registered by then, and what it was made
    for is in the store once its maker is not.
    """
    store = orchestrator.store
    files = files_at(
        store.values_folder,
        orchestrator.values,
        orchestrator.values_options,
        orchestrator.config,
    )
    sizes: dict[str, int] = {}
    unlisted = None

    try:
        sizes = await files.in_thread(files.sizes) if files else {}
    except StoreFailed as error:
        unlisted = str(error)

    dead = await store.makers() - {owner.id for owner in await store.orchestrators()}
    left = lost(sizes, dead, await store.kept_names()) if sizes else []
    held = await store.sizes() if isinstance(store, MeasuredStore) else None
    file = await to_thread.run_sync(_file, getattr(store, "path", None))
    return Stored(
        file or (held and held.database),
        held and held.logs,
        held and held.values,
        held.tables if held else {},
        len([name for name in sizes if not name.endswith(HERE)]),
        sum(sizes.values()),
        len(left),
        sum(sizes[name] for name in left),
        tuple(left[:SHOWN]),
        unlisted,
    )


def _file(path: object) -> int | None:
    """Return the bytes of a database and its journal; None for no file. Blocks."""
    if not isinstance(path, str) or not os.path.exists(path):
        return None

    total = 0

    for name in (path, f"{path}-wal"):
        with suppress(FileNotFoundError):
            total += os.stat(name).st_size

    return total
