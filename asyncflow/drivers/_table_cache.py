"""Tables that a worker has read: several jobs that read one file read it once.

Reading a table takes many times as long as copying it. Who is given one may change it: that
is nobody else's business.
"""

from __future__ import annotations

import resource
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

import attrs

from asyncflow.selection import library_of
from asyncflow.worker.usage import limit_of

LIMIT = 64 << 20
"""How many bytes of tables a worker keeps at most."""

_PLAIN = frozenset(
    [
        "categorical",
        "string",
        "empty",
        "bytes",
        "floating",
        "integer",
        "mixed-integer-float",
        "decimal",
        "boolean",
        "date",
        "datetime",
        "datetime64",
        "timedelta",
        "timedelta64",
        "time",
        "period",
    ]
)
"""What cells may be, as pandas calls it, that nobody can change."""


class Cached(NamedTuple):
    """A table that was read."""

    fingerprint: str
    """Of the file, as it was then."""
    table: Any
    size: int
    """In bytes."""


@attrs.define(eq=False)
class TableCache:
    """The tables that were read last, as long as their files are the same.

    :param limit: how many bytes they have at most, together
    """

    limit: int = LIMIT
    reads: int = attrs.field(init=False, default=0)
    """How many tables were read from their files."""
    _tables: dict[object, Cached] = attrs.field(init=False, factory=dict)
    _size: int = attrs.field(init=False, default=0)

    def read(
        self,
        key: object,
        fingerprint: Callable[[], str | None],
        load: Callable[[], object],
    ) -> object:
        """Return a table of one's own.

        :param key: of which file, and how it is read
        :param fingerprint: of the file, as it is now
        """
        mark = fingerprint()
        found = self._tables.pop(key, None)

        if found is not None and found.fingerprint == mark:
            self._tables[key] = found  # the last one that was used
            return copied(found.table)

        if found is not None:
            self._size -= found.size

        self.reads += 1
        table = load()

        if mark is not None and not _is_limited() and mark == fingerprint():
            with suppress(MemoryError):
                self._keep(key, mark, table)

        return table

    def _keep(self, key: object, mark: str, table: object) -> None:
        size = size_of(table)

        if size is None or size > self.limit:
            return

        self._tables[key] = Cached(mark, copied(table), size)
        self._size += size

        while self._size > self.limit:
            oldest = next(iter(self._tables))
            self._size -= self._tables.pop(oldest).size


def _is_limited() -> bool:
    """Tell whether the job that runs may not have more memory than it says."""
    return limit_of(resource.RLIMIT_AS) != resource.getrlimit(resource.RLIMIT_AS)


def size_of(table: Any) -> int | None:
    """Return how many bytes a table has; None where its cells can be changed."""
    match library_of(table):
        case "pandas":
            return _frame_size(table)
        case "polars":
            return int(table.estimated_size())
        case "pyarrow":
            return int(table.nbytes)
        case "numpy":
            return None if table.dtype.hasobject else int(table.nbytes)
        case _ if isinstance(table, dict):  # sheets, by their names
            sizes = [size_of(column) for column in table.values()]
            return (
                sum(size for size in sizes if size is not None) if all(sizes) else None
            )
        case _:
            return None


def _frame_size(frame: Any) -> int | None:
    from pandas.api.types import infer_dtype

    if (least := int(frame.memory_usage().sum())) > LIMIT:
        return least  # without a look at each cell

    for at in range(frame.shape[1]):
        column = frame.iloc[:, at]

        if column.dtype.kind == "O" and infer_dtype(column, skipna=True) not in _PLAIN:
            return None

    return int(frame.memory_usage(deep=True).sum())


def copied(table: Any) -> Any:
    """Return a table that may be changed, and the other is not."""
    match library_of(table):
        case "pandas":
            return table.copy()
        case "polars":
            return table.clone()
        case "numpy":
            return table.copy()
        case _ if isinstance(table, dict):
            return {name: copied(column) for name, column in table.items()}
        case _:
            return table


cache = TableCache()
"""That of this process."""
