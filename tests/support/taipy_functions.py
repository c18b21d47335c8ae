"""Functions and a class that files of Taipy's name."""

from __future__ import annotations

from typing import Any

import attrs


@attrs.frozen
class Row:
    """A row of a table."""

    x: int


def double(nb: Any, *_: Any) -> Any:
    return nb * 2


def add(nb: Any, *_: Any) -> Any:
    return nb + 10


def query(data: Any) -> str:
    return f"insert into t values ({data})"


def compare(*values: Any) -> Any:
    return max(values)
