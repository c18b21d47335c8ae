"""How much is stored, and the files that nobody needs any more."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import NamedTuple

from anyio import to_thread

from asyncflow.abc import Store
from asyncflow.values.lost import lost

SHOWN = 100
"""How many lost files are named."""


class Stored(NamedTuple):
    """How much a store has, in files and bytes."""

    database: int | None
    """The records with what jobs have printed; None where a server, or memory, has them."""
    files: int
    """The files of large values."""
    values: int
    lost: int
    """The files that processes which were killed have left: `asyncflow gc` removes them."""
    lost_bytes: int
    lost_names: tuple[str, ...]
    """The first of them."""


async def stored(store: Store) -> Stored:
    """Measure a store.

    The files are listed first: who makes one is registered by then, and what it was made
    for is in the store once its maker is not.
    """
    folder = store.values_folder
    sizes = await to_thread.run_sync(_sizes, folder)
    dead = await store.makers() - {one.id for one in await store.orchestrators()}
    left = lost(sizes, dead, await store.kept_names()) if sizes else []
    database = await to_thread.run_sync(_database, getattr(store, "path", None))
    return Stored(
        database,
        len(sizes),
        sum(sizes.values()),
        len(left),
        sum(sizes[name] for name in left),
        tuple(left[:SHOWN]),
    )


def _sizes(folder: str | None) -> dict[str, int]:
    """Return the bytes of the files in a folder, by their names. Blocks."""
    found: dict[str, int] = {}

    if folder is not None:
        with suppress(FileNotFoundError), os.scandir(folder) as files:
            for file in files:
                if file.name.startswith("."):  # it says whose folder it is
                    continue

                with suppress(FileNotFoundError):
                    found[file.name] = file.stat(follow_symlinks=False).st_size

    return found


def _database(path: object) -> int | None:
    """Return the bytes of a database and its journal; None for no file. Blocks."""
    if not isinstance(path, str) or not os.path.exists(path):
        return None

    total = 0

    for name in (path, f"{path}-wal"):
        with suppress(FileNotFoundError):
            total += os.stat(name).st_size

    return total
