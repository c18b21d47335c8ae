"""Where in a TOML text its tables and keys stand."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping

Name = tuple[str, ...]
"""A dotted name, split: ``(TASK, double, inputs)``."""

_PART = r"""(?:"(?:[^"\\]|\\.)*"|'[^']*'|[\w-]+)"""
_NAME = rf"{_PART}(?:\s*\.\s*{_PART})*"
_HEADER = re.compile(rf"\s*\[{{1,2}}\s*({_NAME})\s*\]")
_KEY = re.compile(rf"\s*({_NAME})\s*=")


def lines_of(text: str) -> Mapping[Name, int]:
    """Return the line, from 1, at which each table and key is first met.

    This reads line by line and knows nothing of values over several lines: a part that
    looks like a table or key may be taken for it. It serves messages, nothing else.
    """
    found: dict[Name, int] = {}
    for number, path in _paths(text):
        for end in range(1, len(path) + 1):
            found.setdefault(path[:end], number)

    return found


def line_at(lines: Mapping[Name, int], path: Name) -> int | None:
    """Return the line of a key, or else of the innermost table around it."""
    while path and path not in lines:
        path = path[:-1]

    return lines.get(path)


def _paths(text: str) -> Iterator[tuple[int, Name]]:
    table: Name = ()
    for number, line in enumerate(text.splitlines(), 1):
        header, key = _HEADER.match(line), _KEY.match(line)
        if header:
            table = _path(header[1])
            yield number, table
        elif key:
            yield number, (*table, *_path(key[1]))


def _path(name: str) -> Name:
    """Split a dotted name, as TOML itself does."""
    try:
        value: object = tomllib.loads(f"{name} = 0")
    except tomllib.TOMLDecodeError:
        return ()

    path: list[str] = []
    while isinstance(value, dict):
        part, value = next(iter(value.items()))
        path.append(part)

    return tuple(path)
