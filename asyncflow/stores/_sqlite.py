"""An SQLite database of records."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import Any, ClassVar

from asyncflow.errors import StoreFailed, StoreUnavailable
from asyncflow.stores._command import Parameters
from asyncflow.stores._database import Database
from asyncflow.stores._folder import Access, check_path
from asyncflow.stores._rows import Column, Row
from asyncflow.stores._sql import migrations, newest_version, read
from asyncflow.stores._sqlite_files import DatabaseFiles, check_locks, values_folder
from asyncflow.stores._sqlite_rows import (
    combined,
    sizes_of,
    surrogates_escaped,
    text_or_bytes,
    texts,
)

PAUSE = 0.001
"""Between two tries to get the lock, in seconds. SQLite's own pauses grow to 0.1 s: who
waits beside a process that writes all the time would miss the moments between."""

TOLD = {"most": 10_000, "seconds": 300.0}
"""How many changes are kept for who listens, and how long."""

SELDOM = 8
"""In how many transactions it is seen once whether the log alone was removed."""

SOME = 0.1
"""How long a lock may take before it is asked whether there are locks, in seconds."""

PROBLEMS: Mapping[int, tuple[str, str]] = {
    sqlite3.SQLITE_FULL: (
        "the disk is full",
        "free some space: what was flushed before is kept",
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
        "check the disk, its quota and its free space",
    ),
}
"""For each of SQLite's primary result codes, what happened and what to do."""

PASSING = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_INTERRUPT,
    }
)
"""The codes of what may be over in a while."""

FREE = 4
"""A file is copied where at least one part in so many of it is free."""

COPIED = 256 * 1024 * 1024
"""How many bytes are copied at most: for a second or two nobody else can write."""

SETTINGS = (
    "synchronous",
    "temp_store",
    "cache_size",
    "wal_autocheckpoint",
    "journal_size_limit",
)
"""The queries that set up the connection that writes."""

BESIDE = ("-wal", "-shm", "-journal")
"""How the names of the files end that SQLite keeps beside a database. They get its mode."""

BLOBS = frozenset({"pickled", "value"})
"""The columns whose bytes are no text."""


class SqliteDatabase(Database):
    """Two connections to one file.

    :param file: its absolute path
    :param busy_timeout: how long to wait for other processes, in seconds
    """

    queries: ClassVar[tuple[str, ...]] = ("sqlite.sql", "records.sql")

    def __init__(self, file: str, busy_timeout: float) -> None:
        super().__init__(file)
        self.busy_timeout = busy_timeout
        self._writing: sqlite3.Connection
        self._reading: sqlite3.Connection
        self._parameters: int
        """How many a statement may have: 999 or more."""
        self._files: DatabaseFiles
        """The database's, which others may replace, and its log's, which goes with it."""
        self._inserted: dict[str, int] = {}
        """How many rows each statement was given so far."""
        self._transactions = 0
        self._is_interrupted = False

    @classmethod
    def open(
        cls, path: str, busy_timeout: float, *, trust_owner: bool = False
    ) -> SqliteDatabase:
        """Open a file, made with its folder where it is new, and bring it up to date."""
        database = cls(os.path.abspath(path), busy_timeout)
        check_path(path, database.file)
        file = os.path.realpath(database.file)
        access = Access(store=database.file, trusts_owner=trust_owner)
        access.make_folder(os.path.dirname(file))
        beside = [file + end for end in BESIDE]
        access.make_file(file, beside)

        with database._explained(), ExitStack() as stack:
            database._writing = stack.enter_context(closing(database._connect(0.0)))
            database._writing.text_factory = text_or_bytes
            database._parameters = database._writing.getlimit(
                sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER
            )
            database._prepare()
            access.narrow(file, *beside)
            database._reading = database._connect(busy_timeout)
            stack.enter_context(closing(database._reading))
            database._ask(database._reading, "query_only")
            database._files = DatabaseFiles.of(
                database.file, (database.file, f"{file}-wal")
            )
            database.values_folder = database._find_folder(access, file)
            stack.pop_all()

        return database

    def close(self) -> None:
        """Close both connections; the last process to do it merges the log."""
        self._is_open = False

        with self._explained(), closing(self._writing), closing(self._reading):
            pass

    def interrupt(self) -> None:
        self._is_interrupted = True

        for connection in (self._writing, self._reading):
            with suppress(sqlite3.Error):  # closed meanwhile
                connection.interrupt()

    def shrink(self) -> int:
        """Copy what is there into a smaller file, where much of the file is free.

        Others that write wait meanwhile, so that is done only where little is copied; in
        a large file what is free is used again.
        """
        with self._explained(), closing(self._connect(self.busy_timeout)) as connection:
            pages, free, size = self._ask(connection, "pages")

            if free * FREE < pages or (pages - free) * size > COPIED:
                return 0

            try:
                self._ask(connection, "vacuum")
                self._ask(connection, "checkpoint")
            except sqlite3.OperationalError as error:
                if _code(error) != sqlite3.SQLITE_BUSY:
                    raise

            left, *_ = self._ask(connection, "pages")
            return int(max(0, pages - left) * size)

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
        self._ask(self._writing, "page_size")
        (mode,) = self._run_when_free("journal_mode")

        if mode != "wal":
            raise StoreFailed(
                self.file,
                f"its folder allows no write-ahead log (but {mode!r})",
                "give a path on a local disk, not on a network's",
            )

        for name in SETTINGS:
            self._ask(self._writing, name)

        # Also where nothing is to do: this finds out whether it can be written.
        with self._transaction():
            for text in _to_run(self._check_version()):
                for statement in _statements(text):
                    self._writing.execute(statement)

    def _find_folder(self, access: Access, file: str) -> str:
        place = values_folder(access, file)
        (store_id,) = self._ask(self._writing, "store_id")

        if found := place.found(store_id):
            return found

        with self._transaction():  # one of several at a time
            (store_id,) = self._ask(self._writing, "store_id")
            return place.found(store_id) or place.taken(
                store_id,
                lambda: str(self._ask(self._writing, "new_store_id")[0]),
                lambda: [str(name) for (name,) in self._run_query("kept_names")],
            )

    def _run_query(self, name: str) -> list[Row]:
        return self._run(self._query(name), [{}])

    def _check_version(self) -> int:
        """Return the version of the schema, 0 for a new file; refuse what is not ours."""
        known = newest_version("schema")
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

    def _transact(self, work: Callable[[], None]) -> None:
        try:
            with self._transaction():
                work()
        finally:  # also where that is why it failed
            self._transactions += 1
            self._files.check(1 if self._transactions % SELDOM else 2)

    def _trim(self) -> None:
        self._run(self._query("trim"), [TOLD])

    def _save(self, text: str, columns: Sequence[Column]) -> None:
        try:
            self._insert(text, columns)
        except UnicodeEncodeError:  # once more; a row replaces that with its id
            self._insert(text, [surrogates_escaped(column) for column in columns])

    def _insert(self, text: str, columns: Sequence[Column]) -> None:
        """Insert rows, many with each statement: between two statements Python takes
        its lock back, and waits for it whenever the event loop is busy.
        """
        count = len(columns[0])
        begin = 0
        so_far = self._inserted[text] = self._inserted.get(text, 0) + count

        for size in sizes_of(text, len(columns), self._parameters, so_far):
            while count - begin >= size:
                end = begin + size
                part = [column[begin:end] for column in columns]
                self._writing.execute(*combined(text, part))
                begin = end

        if begin < count:
            rows = zip(*(column[begin:] for column in columns), strict=True)
            self._writing.executemany(text, rows)

    def _run(self, text: str, given: Sequence[Parameters]) -> list[Row]:
        return [
            row
            for parameters in given
            for row in _execute(self._writing, text, parameters)
        ]

    def _fetch(self, text: str, parameters: Parameters) -> list[Row]:
        try:
            return _execute(self._reading, text, parameters)
        except sqlite3.OperationalError as error:
            if _code(error):
                raise

        return self._fetch_garbage(text, parameters)

    def _fetch_garbage(self, text: str, parameters: Parameters) -> list[Row]:
        """Fetch once more, as a text is none: Python, which raises it, has no code."""
        self._reading.text_factory = text_or_bytes

        try:
            return _execute(self._reading, text, parameters)
        finally:
            self._reading.text_factory = str

    def _run_when_free(self, name: str) -> tuple[Any, ...]:
        """Run a statement that others may hold up."""
        began = time.monotonic()
        is_checked = False

        while True:
            try:
                return self._ask(self._writing, name)
            except sqlite3.OperationalError as error:
                is_busy = _code(error) == sqlite3.SQLITE_BUSY

                waited = time.monotonic() - began
                is_late = waited >= self.busy_timeout or self._is_interrupted

                if is_busy and not is_checked and (is_late or waited >= SOME):
                    check_locks(self.file)
                    is_checked = True

                if is_late or not is_busy:
                    raise

                time.sleep(PAUSE)

    def _ask(self, connection: sqlite3.Connection, name: str) -> tuple[Any, ...]:
        found: tuple[Any, ...] | None = connection.execute(self._query(name)).fetchone()
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
            kind = StoreUnavailable if _code(error) in PASSING else StoreFailed
            raise kind(self.file, f"{problem} ({error})", remedy) from error


APPLICATION = int.from_bytes(b"asfl")
"""What tells our files from those of other programs; see the first migration."""


def _code(error: sqlite3.Error) -> int:
    """Return the primary result code; 0 where it comes from Python's module."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF


def _execute(
    connection: sqlite3.Connection, text: str, parameters: Parameters
) -> list[Row]:
    cells = surrogates_escaped(parameters.values())
    cursor = connection.execute(text, dict(zip(parameters, cells, strict=True)))
    rows = cursor.fetchall()

    if rows:
        blobs = [name in BLOBS for name, *_ in cursor.description]
        return [texts(row, blobs) for row in rows]

    return rows


def _to_run(version: int) -> list[str]:
    """Return what brings a file of this version up to date, in order."""
    if not version:
        return [read("schema.sql")]

    known = migrations("schema")
    return [text for target, text in known.items() if target > version]


def _statements(text: str) -> Iterator[str]:
    statement = ""

    for line in text.splitlines():
        statement += line + "\n"

        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
