"""An SQLite database of records: what blocks."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from itertools import chain
from typing import Any

import attrs

from asyncflow.errors import NotOpen, StoreFailed
from asyncflow.stores._rows import KINDS, Cell, Kind, Row, surrogates_escaped
from asyncflow.stores._sql import migrations, queries

DELETE = ""
"""Stands for a table in a change: its row is a tuple of ids."""

PAUSE = 0.001
"""Between two tries to get the lock, in seconds. SQLite's own pauses grow to 0.1 s: who
waits beside a process that writes all the time would miss the moments between."""

PROBLEMS: Mapping[int, tuple[str, str]] = {
    sqlite3.SQLITE_FULL: (
        "the disk is full",
        "free some space and open it again: what was flushed before is kept",
    ),
    sqlite3.SQLITE_READONLY: (
        "it may not be written",
        "make the file and its folder writable for this user, or give another path",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "the file cannot be opened",
        "give the path of a file, in a folder that this user may write to",
    ),
    sqlite3.SQLITE_PERM: (
        "this user may not open it",
        "make the file and its folder writable for this user, or give another path",
    ),
    sqlite3.SQLITE_NOTADB: (
        "the file is not an SQLite database",
        "give another path, or move the file away",
    ),
    sqlite3.SQLITE_CORRUPT: (
        "the database is damaged",
        "bring a copy back, or what `sqlite3 FILE .recover` can save",
    ),
    sqlite3.SQLITE_BUSY: (
        "another process kept it locked for too long",
        "end the process that holds it, or allow more time with `busy_timeout`",
    ),
    sqlite3.SQLITE_IOERR: (
        "the disk reported an error",
        "check the disk, its quota and its free space, and open it again",
    ),
}
"""For each of SQLite's primary result codes, what happened and what to do."""


@attrs.define(eq=False)
class Database:
    """Two connections to one file: one that writes, in one thread at a time, and one
    that reads, likewise.

    Every method blocks, and raises `StoreFailed`. `read` and `find` are not called at
    the same time as each other or `close`, nor is `write`.

    :param file: its absolute path
    :param busy_timeout: how long to wait for other processes, in seconds
    """

    file: str
    busy_timeout: float
    _writing: sqlite3.Connection = attrs.field(init=False)
    _reading: sqlite3.Connection = attrs.field(init=False)
    _is_open: bool = attrs.field(init=False, default=True)

    @classmethod
    def open(cls, path: str, busy_timeout: float) -> Database:
        """Open a file, made with its folder where it is new, and bring it up to date."""
        database = cls(os.path.abspath(path), busy_timeout)
        database._make_folder()

        with database._explained():
            database._writing = database._connect(0.0)

            try:
                database._prepare()
                database._reading = database._connect(busy_timeout)
            except BaseException:
                database._writing.close()
                raise

            database._run(database._reading, "query_only")

        return database

    def close(self) -> None:
        """Close both connections; the last process to do it merges the log."""
        self._is_open = False

        with self._explained(), closing(self._writing), closing(self._reading):
            pass

    def write(self, changes: Iterable[Sequence[tuple[str, Row]]]) -> None:
        """Write changes in one transaction: all of them, or none on failure."""
        batches: dict[str, list[Row]] = {}

        with self._explained(), self._transaction():
            for table, row in chain.from_iterable(changes):
                if table != DELETE:
                    batches.setdefault(table, []).append(row)
                    continue

                self._save(batches)
                self._delete(row)
                batches.clear()

            self._save(batches)

    def read(self, table: str, parameters: Mapping[str, Cell]) -> list[Any]:
        """Return the records that a query finds."""
        if not self._is_open:
            raise NotOpen(f"the store {self.file} was closed before it was asked")

        kind = _KINDS[table]
        text = _query(table, parameters)
        names, values = parameters.keys(), surrogates_escaped(parameters.values())

        with self._explained():
            found = self._reading.execute(text, dict(zip(names, values, strict=True)))
            return [self._load(kind, row) for row in found.fetchall()]

    def find(self, record_id: str) -> Any:
        """Return the record with an id, of whatever kind, or None."""
        parameters: dict[str, Cell] = {"id": record_id, "limit": 1, "offset": 0}
        found = (self.read(table, parameters) for table in _KINDS)
        return next(chain.from_iterable(found), None)

    def _make_folder(self) -> None:
        folder = os.path.dirname(self.file)

        try:
            os.makedirs(folder, exist_ok=True)
        except OSError as error:
            raise StoreFailed(
                self.file,
                f"its folder cannot be made ({error})",
                "give a path in a folder that this user may write to",
            ) from error

    def _connect(self, timeout: float) -> sqlite3.Connection:
        return sqlite3.connect(
            self.file,
            timeout=timeout,
            isolation_level=None,
            check_same_thread=False,
        )

    def _prepare(self) -> None:
        """Make a new file ours, or bring an old one up to date."""
        self._check_version()
        (mode,) = self._run_when_free("journal_mode")

        if mode != "wal":
            raise StoreFailed(
                self.file,
                f"its folder allows no write-ahead log (but {mode!r})",
                "give a path on a local disk, not on a network's",
            )

        for name in ("synchronous", "cache_size", "journal_size_limit"):
            self._run(self._writing, name)

        # Also where nothing is to do: this finds out whether it can be written.
        with self._transaction():
            version = self._check_version()

            for target, statements in migrations("schema").items():
                if target > version:
                    for statement in statements:
                        self._writing.execute(statement)

    def _check_version(self) -> int:
        """Return the version of the schema, 0 for a new file; refuse what is not ours."""
        known = max(migrations("schema"))
        owner, version, tables = self._run_when_free("identify")

        if tables and owner != APPLICATION:
            raise StoreFailed(
                self.file,
                "it is the database of another program",
                "give another path",
            )

        if version > known:
            raise StoreFailed(
                self.file,
                f"its schema has version {version}, and this asyncflow knows versions up "
                f"to {known}",
                "upgrade asyncflow, or give another path",
            )

        return int(version)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._run_when_free("begin")

        try:
            yield
            self._writing.commit()
        except BaseException:
            with suppress(sqlite3.Error):  # SQLite may have done it by itself
                self._writing.rollback()

            raise

    def _save(self, batches: Mapping[str, list[Row]]) -> None:
        for table, rows in batches.items():
            text = _query(f"save_{table}")

            try:
                self._writing.executemany(text, rows)
            except UnicodeEncodeError:  # once more; a row replaces that with its id
                self._writing.executemany(text, map(surrogates_escaped, rows))

    def _delete(self, ids: Row) -> None:
        keys = [surrogates_escaped([one]) for one in ids]

        for table in _KINDS:
            self._writing.executemany(_query(f"delete_{table}"), keys)

    def _load(self, kind: Kind, row: Row) -> object:
        try:
            return kind.load(row)
        except Exception as error:  # whatever the pickle of a property raises
            raise StoreFailed(
                self.file,
                f"{row[0]!r} cannot be read ({type(error).__name__}: {error})",
                "make what its properties need importable, or delete it",
            ) from error

    def _run_when_free(self, name: str) -> tuple[Any, ...]:
        """Run a statement that others may hold up."""
        give_up = time.monotonic() + self.busy_timeout

        while True:
            try:
                return self._run(self._writing, name)
            except sqlite3.OperationalError as error:
                is_busy = _code(error) == sqlite3.SQLITE_BUSY

                if not is_busy or time.monotonic() >= give_up:
                    raise

                time.sleep(PAUSE)

    def _run(self, connection: sqlite3.Connection, name: str) -> tuple[Any, ...]:
        found: tuple[Any, ...] | None = connection.execute(_query(name)).fetchone()
        return found or ()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Raise `StoreFailed` for SQLite's errors."""
        try:
            yield
        except sqlite3.Error as error:
            problem, remedy = PROBLEMS.get(
                _code(error), ("SQLite refused", "if that does not help, report it")
            )
            raise StoreFailed(self.file, f"{problem} ({error})", remedy) from error


APPLICATION = int.from_bytes(b"asfl")
"""What tells our files from those of other programs; see the first migration."""

_KINDS = {kind.table: kind for kind in KINDS.values()}


def _code(error: sqlite3.Error) -> int:
    """Return the primary result code; 0 where it comes from Python's module."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF


def _query(name: str, parameters: Mapping[str, Cell] | None = None) -> str:
    return queries("queries.sql")[name].text(parameters or {})
