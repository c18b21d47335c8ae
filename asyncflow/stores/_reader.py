"""A reader of an SQLite store, for who only looks.

It opens one connection that cannot write, in the thread that asks: so a command answers
before an orchestrator would be open. Other processes go on meanwhile. Nothing is
unpickled.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing, contextmanager
from types import TracebackType
from typing import Any, Self

from asyncflow.errors import StoreFailed
from asyncflow.ids import job_ids
from asyncflow.options import Page
from asyncflow.records import LogRecord
from asyncflow.stores._rows import FOUND_BY_ID, KINDS, Row
from asyncflow.stores._sql import newest_version, query

QUERIES = ("reader.sql", "records.sql")
APPLICATION = int.from_bytes(b"asfl")
BEYOND = "\U0010ffff"
"""Comes after all characters of ids."""

LEAST_ROOM = 32 * 1024
"""How many bytes SQLite needs beside a file to read it: of what readers and writers share."""

_NO_ROOM = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN)
_NO_RIGHT = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM)

_LOADS = {kind.table: kind.load for kind in KINDS.values()}
_OF_SCENARIO = ("config", "name", "cycle", "tag")


class SqliteReader:
    """Read an SQLite file. Every method blocks, and raises `StoreFailed`.

    :param file: its path
    :param allows_older: whether it may be of an older version, of which `backup`,
        `check` and `values_folder` alone are asked
    :raises StoreFailed: where there is none, or it is of another version
    """

    def __init__(self, file: str, *, allows_older: bool = False) -> None:
        self.file = os.path.abspath(file)
        self._allows_older = allows_older
        self.version: int
        """That of its schema."""

        _check_there(self.file)

        with self._explained():
            uri = f"file:{_escaped(self.file)}?mode=rw"
            self._connection = sqlite3.connect(uri, uri=True, isolation_level=None)

            try:
                self._ask("query_only")
                self._check_version()
            except BaseException:
                self._connection.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._connection.close()

    def find(self, record_id: str) -> Any:
        """Return the record with an id, of whatever kind, or None."""
        given = {"id": record_id, "limit": 1, "offset": 0}

        for kind in FOUND_BY_ID.values():
            for row in self._ask(kind.table, given):
                return kind.load(row)

        return None

    def starting(self, table: str, prefix: str, limit: int) -> list[str]:
        """Return ids that begin with something."""
        given = {"prefix": prefix, "beyond": prefix + BEYOND, "limit": limit}
        return [str(found) for (found,) in self._ask(f"starting_{table}", given)]

    def listed(
        self, table: str, filters: Mapping[str, Any], sort: str, page: Page
    ) -> list[Any]:
        """List the records of a kind.

        :param filters: what they have: ``statuses``, ``config``, ``name`` (a pattern),
            ``tag``, ``cycle``, ``since``, ``until``, ``scenario``, ``submission``
        :param sort: ``date``, ``name``, ``config``, ``duration``, ``status`` or ``id``
        """
        known: dict[str, Any] = {
            name: _keys(value) if name == "statuses" else value
            for name, value in filters.items()
            if value is not None
        }
        belongs = (*_OF_SCENARIO, "scenario") if table == "job" else _OF_SCENARIO
        own = ("config", "name") if table == "job" else ()
        known["of_scenario"] = any(name in known for name in {*belongs} - {*own})
        known[f"by_{sort}"] = True
        known["newest_first"] = page.newest_first
        known["limit"] = -1 if page.limit is None else page.limit
        known["offset"] = page.offset
        return [_LOADS[table](row) for row in self._ask(f"list_{table}", known)]

    def log(self, job_id: str) -> LogRecord | None:
        """Return what a job printed, or None."""
        given = {"job_id": job_id, "limit": 1, "offset": 0}
        return next(map(_LOADS["log"], self._ask("log", given)), None)

    def versions(self, node_id: str) -> list[Any]:
        """List the versions of a data node."""
        given = {"node_id": node_id, "limit": -1, "offset": 0}
        return [_LOADS["version"](row) for row in self._ask("version", given)]

    def data_nodes(self, owner_id: str) -> list[Any]:
        """List the data nodes of a scenario or a cycle."""
        given = {"owner_id": owner_id, "limit": -1, "offset": 0}
        return [_LOADS["data_node"](row) for row in self._ask("data_node", given)]

    def facts(self, name: str, ids: Collection[str]) -> list[Row]:
        """Return what is known of several: ``job_counts``, ``last_submissions``,
        ``scenarios_of``.
        """
        return self._ask(name, {"ids": _keys(ids)})

    def duration(self, config_id: str) -> float | None:
        """Return how long the last job of a task took, in seconds; None for no job."""
        prefix = job_ids(config_id)
        given = {"prefix": prefix, "beyond": prefix + "g", "length": len(prefix) + 32}

        for began, ended in self._ask("durations", given):
            return float(ended or 0) - float(began or 0)

        return None

    def check(self) -> list[str]:
        """Return what is wrong with the file: nothing, where it is whole."""
        try:
            found = [str(text) for (text,) in self._ask("quick_check")]
        except StoreFailed as error:  # too damaged to be looked at
            return [error.problem]

        return [text for text in found if text != "ok"]

    def sizes(self) -> dict[str, int]:
        """Return how many records there are of each kind."""
        with self._explained():
            cursor = self._connection.execute(query(QUERIES, "sizes").text({}))
            names = [name for name, *_ in cursor.description]
            return dict(zip(names, cursor.fetchone(), strict=True))

    def names(self, what: str) -> list[str]:
        """List the names of files that values have, ``kept_names``, or ``makers``, or
        ``orchestrators``.
        """
        return [str(name) for (name,) in self._ask(what)]

    def prunable(
        self, finished_before: float | None, keep: int | None, has_log: bool
    ) -> list[str]:
        """List the runs that can be removed; see `asyncflow.abc.Store.prunable`."""
        given = {
            "finished_before": finished_before,
            "keep": keep,
            "has_log": has_log,
            "limit": -1,
            "offset": 0,
        }
        return [str(run_id) for (run_id,) in self._ask("prunable", given)]

    def values_folder(self, *, is_own: bool = False) -> str | None:
        """Return the folder of the files of large values; None where there is none.

        :param is_own: whether the mark in it must say that it is the store's: else it is
            also the one beside a store that was moved or copied, which nobody has opened
            since
        """
        from asyncflow.stores._folder import Access
        from asyncflow.stores._sqlite_files import values_folder

        ((store_id,),) = self._ask("store_id")
        access = Access(store=self.file)
        place = values_folder(access, os.path.realpath(self.file))
        found = place.found(str(store_id))
        return found if found or is_own else place.beside(str(store_id))

    def backup(self, path: str) -> None:
        """Copy the database, as it is at one moment, while others write.

        :param path: a new file, which only this user may read
        :raises FileExistsError: where it is there
        :raises sqlite3.Error: where the copy cannot be written
        """
        from asyncflow.stores._folder import make_private

        make_private(path)

        with closing(sqlite3.connect(path)) as copy:
            self._connection.backup(copy)

    def _check_version(self) -> None:
        known = newest_version("schema")
        ((owner, found, _),) = self._ask("identify")
        version = self.version = int(found or 0)

        if owner != APPLICATION:
            raise StoreFailed(
                self.file, "it is no store of asyncflow", "give another path"
            )

        if version > known:
            raise StoreFailed(
                self.file,
                f"its schema has version {version}, and this asyncflow knows versions up "
                f"to {known}",
                "upgrade asyncflow, or give another path",
            )

        if version < known and not self._allows_older:
            raise StoreFailed(
                self.file,
                f"its schema has version {version}, and this asyncflow reads {known}",
                "back it up, then run `asyncflow store migrate`",
            )

    def _ask(self, name: str, given: Mapping[str, Any] | None = None) -> list[Row]:
        with self._explained():
            text = query(QUERIES, name).text(given or {})
            return self._connection.execute(text, given or {}).fetchall()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StoreFailed(self.file, *_explanation(self.file, error)) from error


def _check_there(file: str) -> None:
    """See whether there is a file.

    :raises StoreFailed: where there is none, or this user cannot see it
    """
    try:
        os.stat(file)
    except PermissionError as error:
        raise StoreFailed(
            file,
            f"this user may not look into its folder ({error.strerror})",
            "give this user the right to read and write the file and its folder",
        ) from error
    except OSError as error:
        raise StoreFailed(
            file,
            "there is no such file",
            "go to the folder of your program, or name the store with --store or "
            "ASYNCFLOW_STORE; the first run makes one",
        ) from error


def _explanation(file: str, error: sqlite3.Error) -> tuple[str, str]:
    """Return why a file cannot be read, and what to do."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF

    if code == sqlite3.SQLITE_CORRUPT:
        return (
            f"it is damaged ({error})",
            "bring a backup back, or what `sqlite3 FILE .recover` can save",
        )

    if code in _NO_ROOM and _room(file) < LEAST_ROOM:
        problem = (
            f"its disk is full, and a file of {LEAST_ROOM // 1024} KiB has to be made "
            f"beside it to read it ({error})"
        )
        return problem, "free some space there"

    if code in _NO_RIGHT and not _is_writable(file):
        problem = (
            "this user may not write to it or its folder, and who reads it has to, as "
            f"others may write it at the same time ({error})"
        )
        remedy = (
            "give this user the right to write to both, or look at a copy of the file"
        )
        return problem, remedy

    return (
        f"it cannot be read ({error})",
        "see that the file is a store, and that this user may read it",
    )


def _room(file: str) -> int:
    """Return how many bytes are free on the disk of a file."""
    found = os.statvfs(os.path.dirname(file))
    return found.f_bavail * found.f_frsize


def _is_writable(file: str) -> bool:
    """Tell whether this user may write to a file and its folder."""
    paths = (file, os.path.dirname(file))
    return all(os.access(path, os.W_OK, effective_ids=True) for path in paths)


def schema_version(file: str) -> tuple[int, int]:
    """Return the version of a store's schema, and the newest that is known. Blocks.

    :raises StoreFailed: where it is no store, or of a version that is not known
    """
    with SqliteReader(file, allows_older=True) as reader:
        return reader.version, newest_version("schema")


def _keys(names: Collection[str]) -> str:
    return json.dumps(dict.fromkeys(names, 0))


def _escaped(path: str) -> str:
    """Return a path as URIs have it."""
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
