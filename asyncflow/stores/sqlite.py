"""The store that keeps records in an SQLite file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import attrs

from asyncflow.stores._store import DatabaseStore

if TYPE_CHECKING:
    from asyncflow.stores._sqlite import SqliteDatabase


def _text(path: str | os.PathLike[str]) -> str:
    return os.fspath(path)


@attrs.define(eq=False)
class SqliteStore(DatabaseStore):
    """Keep records in an SQLite file. Several processes may use one file at a time.

    Those of one host see at once what others write. Where processes cannot reach each
    other's sockets, as in different containers, one that was alone may read old values
    for ten seconds after another has opened the file.

    What was flushed survives the end of the process, by `kill -9` too. After a power
    failure the file is whole, but the last seconds may be missing: the write-ahead log
    reaches the disk when SQLite merges it (``synchronous=NORMAL``). The file must be on
    a local disk.

    Properties are kept as JSON where that gives the same value back, otherwise pickled:
    open files only that you trust.

    Large values are in files, in a folder beside it: ``runs.values`` for ``runs.db``.

    :param path: the file; it is made, with its folder, where it is missing
    :param busy_timeout: how long to wait while other processes write, in seconds; then
        opening it fails, and a store that is open is unavailable for now
    """

    path: str = attrs.field(converter=_text)
    busy_timeout: float = 30.0

    @property
    def _name(self) -> str:
        return self.path

    def _connect(self) -> SqliteDatabase:
        from asyncflow.stores._sqlite import SqliteDatabase

        return SqliteDatabase.open(self.path, self.busy_timeout)
