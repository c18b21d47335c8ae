"""Rows that are added to a CSV file: what its header says, and theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from asyncflow.drivers._csv_libraries import marked_off, reader_of
from asyncflow.drivers._libraries import as_table, columns_in
from asyncflow.selection import library_of
from asyncflow.worker.errors import DataNodeWritingError

BLANK = 64
"""How many letters a file has at most of which is looked whether it has any text."""


def is_blank(path: str, encoding: str) -> bool:
    """Tell whether a file has nothing but empty lines."""
    with open(path, encoding=marked_off(encoding), newline="") as file:
        text = file.read(BLANK)

    return len(text) < BLANK and not text.strip("\r\n\ufeff")


def header_of(lines: Iterable[str], given: Mapping[str, Any]) -> list[str]:
    """Return the first row of a file.

    :param given: `write_options`, of which some say what is between cells
    """
    options = {"delimiter": ("sep", "separator"), "quotechar": ("quote_char",)}
    dialect: dict[str, Any] = {}

    for option, names in options.items():
        for name in (option, *names):
            if isinstance(found := given.get(name), str) and len(found) == 1:
                dialect[option] = found

    return next(reader_of(lines, **dialect), [])


def to_append(
    value: Any,
    library: str,
    names: list[str],
    written: Callable[[object], list[str]],
) -> object:
    """Return rows with their columns in the order of a file.

    :param library: the one that writes them; ``""`` for none
    :param names: the header of the file
    :param written: gives the header that a table would have in a file of its own
    :raises DataNodeWritingError: where the two are not the same
    """
    is_named = isinstance(value, Mapping) or _has_names(value)
    table = as_table(value, library) if library else columns_in(value)
    columns = _names_of(table)

    if not columns:
        return b""

    if not is_named and columns == [*map(str, range(len(names)))]:
        return dict(zip(names, columns_in(table).values(), strict=True))

    if written(_without_rows(table)) == names:
        return table

    if sorted(columns) == sorted(names):
        ordered = _with_order(table, [columns.index(name) for name in names])

        if written(_without_rows(ordered)) == names:
            return ordered

    raise DataNodeWritingError(
        f"the columns {', '.join(columns)} cannot be appended to {', '.join(names)}: have "
        "the same ones, and in write_options the separator of the file"
    )


def _has_names(value: Any) -> bool:
    """Tell whether a library has made a table with names."""
    found = getattr(value, "column_names", getattr(value, "columns", None))
    return bool(library_of(value)) and found is not None


def _names_of(table: Any) -> list[str]:
    found = getattr(table, "column_names", getattr(table, "columns", table))
    return [*map(str, found)]


def _without_rows(table: Any) -> Any:
    """Return a table with its columns alone."""
    if isinstance(table, dict):
        return {name: [] for name in table}

    return table.slice(0, 0) if hasattr(table, "slice") else table.iloc[:0]


def _with_order(table: Any, order: list[int]) -> Any:
    """Return a table with its columns in another order."""
    if isinstance(table, dict):
        items = [*table.items()]
        return dict(items[at] for at in order)

    if library_of(table) == "pandas":
        return table.iloc[:, order]

    return table.select([_names_of(table)[at] for at in order])
