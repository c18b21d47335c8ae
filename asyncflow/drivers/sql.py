"""The ``sql`` storage type: what a query gives, and queries that write."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, ClassVar

import attrs
from attrs import validators

from asyncflow.drivers import _options
from asyncflow.drivers._libraries import rows_of
from asyncflow.drivers._server import unwritten
from asyncflow.drivers._sql import SqlDriver, SqlPlace, native
from asyncflow.drivers._sql_conditions import condition_of
from asyncflow.secret import masked
from asyncflow.selection import library_of, preview
from asyncflow.worker.errors import AsyncflowError, DataNodeReadingError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from asyncflow.abc import StoredValue
    from asyncflow.filters import Where
    from asyncflow.selection import Preview

_ENDED = re.compile(r"(;\s*)+(--[^\n'\"`\]$]*\s*)*$")
"""The end of a query, with comments after it, which is no part of another."""


@attrs.frozen(kw_only=True)
class SqlOptions(SqlPlace):
    """What a data node of this storage type takes."""

    read_query: str | None = attrs.field(
        default=None, validator=validators.optional(validators.instance_of(str))
    )
    write_query_builder: Callable[[Any], Any] | None = _options.function(
        _options.makes_queries
    )
    append_query_builder: Callable[[Any], Any] | None = _options.function(
        _options.makes_queries
    )

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()

        if self.read_query is None and self.write_query_builder is None:
            raise ValueError(
                "it neither reads nor writes: give read_query or write_query_builder"
            )


class SqlQueryDriver(SqlDriver):
    """Read what a query gives; write by the queries that a function builds of the value.

    A builder returns a query or several: a text, a text with a dict of parameters (or a
    list of these, or a table of them), or a statement of SQLAlchemy; it may be a generator
    of them. All are executed in one transaction.
    """

    storage_type: ClassVar[str] = "sql"
    Options: ClassVar[type[SqlOptions]] = SqlOptions
    appends: ClassVar[bool] = True
    options: SqlOptions

    def read(
        self,
        kept: StoredValue,  # noqa: ARG002
        *,
        columns: Sequence[str] | None = None,
        where: Where | None = None,
    ) -> object:
        if self.options.read_query is None:
            raise DataNodeReadingError(
                self.shown_place, "it has no read_query", "give it one"
            )

        with self.reading(), self.connected() as connection:
            query = self._query(connection, columns, where)
            found = connection.execute(query)
            return self.value_of(list(found.keys()), found.all(), columns)

    def _query(
        self,
        connection: Connection,
        columns: Sequence[str] | None,
        where: Where | None,
    ) -> Any:
        from sqlalchemy import column, select, text

        query = text(self._text)

        if columns is None and where is None:
            return query

        names = self._found_names(connection)
        inner = query.columns(*map(column, names)).subquery("q")

        def find(name: str) -> Any:
            if name not in names:
                known = ", ".join(names)
                raise DataNodeReadingError(
                    self.shown_place,
                    f"it has no column {name!r}",
                    f"use one of {known}",
                )

            return inner.c[name]

        outer = select(*(find(name) for name in columns or names))

        if where is None:
            return outer

        return outer.where(condition_of(where, find, self.options.engine))

    def _found_names(self, connection: Connection) -> list[str]:
        """Return the names of the columns that the query gives."""
        from sqlalchemy import text

        head = text(f"SELECT * FROM ({self._text}) AS q WHERE 1 = 0")  # noqa: S608  # the user's own
        names = [*connection.execute(head).keys()]
        plain = {name.rpartition(":")[0] for name in names}

        if not plain.isdisjoint(names):  # SQLite may have numbered those with one name
            with connection.execute(text(self._text)) as found:
                self.check_names([*found.keys()])

        self.check_names(names)
        return names

    @property
    def _text(self) -> str:
        """The query that reads, which may be a part of another: a comment ends before."""
        return _ENDED.sub("", str(self.options.read_query).rstrip()) + "\n"

    def preview(self, kept: StoredValue, rows: int) -> Preview:
        """Return the first rows: no others are fetched, where the server can do that."""
        from sqlalchemy.exc import DBAPIError

        if self.options.read_query is not None:
            with self.reading(), self.connected() as connection, suppress(DBAPIError):
                return self._head(connection, rows)

        return super().preview(kept, rows)  # it is no part of another query, or wrong

    def _head(self, connection: Connection, rows: int) -> Preview:
        from sqlalchemy import text

        count = text(f"SELECT count(*) FROM ({self._text}) AS q")  # noqa: S608  # the user's own
        total = connection.execute(count).scalar()
        how = {"stream_results": True, "max_row_buffer": max(rows, 1)}

        with connection.execute(text(self._text), execution_options=how) as found:
            value = self.value_of(list(found.keys()), found.fetchmany(rows))
            return preview(value, rows)._replace(total=total)

    def write(self, value: object, path: str, name: str) -> StoredValue:
        return self._execute(value, path, name, "write_query_builder")

    def append(
        self,
        value: object,
        kept: StoredValue,  # noqa: ARG002
        path: str,
        name: str,
    ) -> StoredValue:
        return self._execute(value, path, name, "append_query_builder")

    def _execute(self, value: object, path: str, name: str, which: str) -> StoredValue:
        build = getattr(self.options, which)

        if build is None:
            why = f"it has no {which}"
            raise unwritten(name, self.shown_place, why, "give it one")

        with self._building(name, which):
            queries = build(value)

        def execute(connection: Connection) -> None:
            rest = iter(_several(queries))

            while True:
                with self._building(name, which):
                    query = next(rest, None)

                if query is None:
                    return

                _run(connection, query)

        self.stage(path, name, execute)
        return None

    @contextmanager
    def _building(self, name: str, which: str) -> Iterator[None]:
        """Have an error of a builder say which data node it is of; it is the cause."""
        try:
            yield
        except (AsyncflowError, MemoryError):
            raise
        except Exception as error:
            first = f"{type(error).__name__}: {error}".strip().partition("\n")[0]
            why = masked(f"its {which} raised {first}", self.secrets)
            raise unwritten(name, self.shown_place, why, "mend it") from error


def _several(queries: Any) -> Iterable[Any]:
    return queries if isinstance(queries, list | Iterator) else [queries]


def _run(connection: Connection, query: Any) -> None:
    from sqlalchemy import text

    statement, parameters = query if isinstance(query, tuple) else (query, None)
    given = text(statement) if isinstance(statement, str) else statement

    if library_of(parameters):  # a table: for each of its rows
        parameters = rows_of(parameters)

    if isinstance(parameters, list | tuple):
        parameters = [_plain(parameter) for parameter in parameters]

        if not parameters:  # for none of them
            return

    connection.execute(given, _plain(parameters))


def _plain(parameters: Any) -> Any:
    return native(parameters) if isinstance(parameters, dict) else parameters
