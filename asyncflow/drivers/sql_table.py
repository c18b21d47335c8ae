"""The ``sql_table`` storage type: the rows of a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from asyncflow.drivers._server import unwritten
from asyncflow.drivers._sql import SqlDriver, SqlPlace, native
from asyncflow.drivers._sql_conditions import condition_of, keeps_no_zone
from asyncflow.selection import library_of, preview
from asyncflow.worker.errors import DataNodeReadingError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

    from asyncflow.abc import StoredValue
    from asyncflow.filters import Where
    from asyncflow.selection import Preview


def _is_name(_: object, __: object, value: Any) -> None:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{value!r:.100} is no name of a table")


@attrs.frozen(kw_only=True)
class SqlTableOptions(SqlPlace):
    """What a data node of this storage type takes."""

    table_name: str = attrs.field(
        validator=_is_name,
        metadata={"remedy": "give the name of the table, or 'schema.table'"},
    )


class SqlTableDriver(SqlDriver):
    """Read all rows of a table; replace them in one transaction. The table is there."""

    storage_type: ClassVar[str] = "sql_table"
    Options: ClassVar[type[SqlTableOptions]] = SqlTableOptions
    appends: ClassVar[bool] = True
    options: SqlTableOptions

    @property
    def place(self) -> str | None:
        given = self.options
        name = given.table(str(given.table_name))
        return f"{given.shown(as_given=False)}#{name}"

    @property
    def given_place(self) -> str:
        return f"{super().given_place}#{self.options.table_name}"

    def read(
        self,
        kept: StoredValue,  # noqa: ARG002
        *,
        columns: Sequence[str] | None = None,
        where: Where | None = None,
    ) -> object:
        from sqlalchemy import select

        with self.reading(), self.connected() as connection:
            table = self._table(connection)
            wanted = [self._column(table, name) for name in columns or table.c.keys()]
            query = select(*wanted)

            if where is not None:
                find = partial(self._column, table)
                query = query.where(condition_of(where, find, self.options.engine))

            found = connection.execute(query)
            return self.value_of(list(found.keys()), found.all(), columns)

    def preview(self, kept: StoredValue, rows: int) -> Preview:  # noqa: ARG002
        """Return the first rows: only they, and how many there are, are asked for."""
        from sqlalchemy import func, select

        with self.reading(), self.connected() as connection:
            table = self._table(connection)
            total = connection.execute(select(func.count()).select_from(table)).scalar()
            found = connection.execute(select(*table.c).limit(rows))
            value = self.value_of(list(found.keys()), found.all())
            return preview(value, rows)._replace(total=total)

    def write(self, value: object, path: str, name: str) -> StoredValue:
        def replace(connection: Connection) -> None:
            table = self._table(connection)
            rows = self._rows(value, table, name)
            connection.execute(table.delete())
            _insert(connection, table, rows)

        self.stage(path, name, replace)
        return None

    def append(
        self,
        value: object,
        kept: StoredValue,  # noqa: ARG002
        path: str,
        name: str,
    ) -> StoredValue:
        def add(connection: Connection) -> None:
            table = self._table(connection)
            _insert(connection, table, self._rows(value, table, name))

        self.stage(path, name, add)
        return None

    def _table(self, connection: Connection) -> Table:
        from sqlalchemy import MetaData, Table

        schema, _, name = str(self.options.table_name).rpartition(".")
        return Table(name, MetaData(), schema=schema or None, autoload_with=connection)

    def _column(self, table: Table, name: str) -> Any:
        if name not in table.c:
            names = ", ".join(table.c.keys())
            raise DataNodeReadingError(
                self.shown_place, f"it has no column {name!r}", f"use one of {names}"
            )

        return table.c[name]

    def _rows(self, value: object, table: Table, name: str) -> list[dict[str, Any]]:
        names, own = table.c.keys(), library_of(value)

        rows = [*map(native, self.rows(value, name))]

        if own == "numpy" and not _names_of(value):  # it has no names
            rows = [dict(zip(names, row.values(), strict=True)) for row in rows]

        if unknown := _unknown(rows, table.c.keys()):
            why = f"it has no column {', '.join(map(repr, unknown))}"
            remedy = f"return rows with {', '.join(names)}, or add it to the table"
            raise unwritten(name, self.shown_place, why, remedy)

        if misfit := _misfit(rows, table):
            remedy = "write what it holds, or change its type"
            raise unwritten(name, self.shown_place, misfit, remedy)

        if column := _zoned(rows, table):
            why = f"column {column!r} keeps no time zone, which a value has"
            remedy = "write times without one, such as those of UTC, or text"
            raise unwritten(name, self.shown_place, why, remedy)

        return rows


def _names_of(array: Any) -> Any:
    return array.dtype.names


def _unknown(rows: Iterable[dict[str, Any]], known: Iterable[str]) -> list[str]:
    names = dict.fromkeys(name for row in rows for name in row)
    there = set(known)
    return [name for name in names if name not in there]


def _misfit(rows: Iterable[dict[str, Any]], table: Table) -> str:
    """Say which value a column does not hold, as its type says; ``""`` for none.

    SQLite would keep it, or make another of it, and PostgreSQL would round a number.
    """
    checks = {
        column.name: fits
        for column in table.c
        if (fits := _check_of(column.type)) is not None
    }

    for row in rows:
        for name, cell in row.items():
            if cell is not None and name in checks and not checks[name](cell):
                kind = table.c[name].type
                return f"column {name!r} is {kind}, and does not hold {cell!r:.100}"

    return ""


def _check_of(kind: Any) -> Callable[[Any], bool] | None:
    """Return what tells whether a column of a type holds a value; None for any."""
    from sqlalchemy import types

    if isinstance(kind, types.Integer):
        return partial(_is_number, int)

    if isinstance(kind, types.Numeric | types.Float):
        return partial(_is_number, float)

    if isinstance(kind, types.String) and not isinstance(kind, types.Enum):
        return _is_no_number

    return None


def _is_number(kind: type[int | float], cell: Any) -> bool:
    """Tell whether a value is a number of a kind, or a text of one."""
    try:
        return kind(cell) == cell or isinstance(cell, str)
    except (TypeError, ValueError, OverflowError):
        return False


def _is_no_number(cell: Any) -> bool:
    return not isinstance(cell, int | float)


def _zoned(rows: Iterable[dict[str, Any]], table: Table) -> str:
    """Return a column that would lose the zone of a time; ``""`` for none."""
    names = [column.name for column in table.c if keeps_no_zone(column.type)]
    return next(
        (
            name
            for row in rows
            for name in names
            if isinstance(at := row.get(name), datetime) and at.tzinfo is not None
        ),
        "",
    )


def _insert(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    """Insert rows; those with the same columns together."""
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}

    for row in rows:
        groups.setdefault(tuple(sorted(row)), []).append(row)

    for group in groups.values():
        connection.execute(table.insert(), group)
