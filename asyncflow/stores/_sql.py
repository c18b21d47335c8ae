"""SQL text: named queries and migrations, from the `.sql` files beside this one."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

_HERE = os.path.dirname(__file__)
_NAME = re.compile(r"-- name: ([\w.]+)")
_CONDITION = re.compile(r"\s*-- (if|unless) (\w+)$")


class Line(NamedTuple):
    text: str
    parameter: str = ""
    """What it depends on, or ``""``."""
    given: bool = True
    """Whether it stays where that is given, or where it is not."""


class Query(NamedTuple):
    """A query whose lines may depend on which parameters are given."""

    lines: tuple[Line, ...]

    def text(self, parameters: Mapping[str, object]) -> str:
        """Return its text; a parameter that is None or False is not given."""
        given = {
            name
            for name, value in parameters.items()
            if value is not None and value is not False
        }
        return "\n".join(
            line.text
            for line in self.lines
            if not line.parameter or (line.parameter in given) == line.given
        )


@cache
def queries(*names: str) -> Mapping[str, Query]:
    """Read the queries of some files. Blocks, the first time."""
    found: dict[str, Query] = {}

    for name in names:
        _, *parts = _NAME.split(read(name))

        for query, body in zip(parts[::2], parts[1::2], strict=True):
            lines = body.strip().splitlines()
            found[query] = Query(tuple(_line(line) for line in lines))

    return found


@cache
def statement(names: tuple[str, ...], name: str) -> str:
    """Return the text of a query that has no parameters on which its lines depend."""
    return queries(*names)[name].text({})


@cache
def parts(names: tuple[str, ...], verb: str) -> Mapping[str, str]:
    """Return the texts of the queries that are named ``verb.part``, by their parts."""
    return {
        name.removeprefix(f"{verb}."): query.text({})
        for name, query in queries(*names).items()
        if name.startswith(f"{verb}.")
    }


@cache
def migrations(folder: str) -> Mapping[int, str]:
    """Read the statements that lead to each version of a schema. Blocks, as above.

    The files are named by the version: ``0001_records.sql``.
    """
    found = sorted(
        (int(name.partition("_")[0]), read(os.path.join(folder, name)))
        for name in os.listdir(os.path.join(_HERE, folder))
        if name.endswith(".sql")
    )
    return dict(found)


def read(path: str) -> str:
    """Read a file beside this one. Blocks."""
    with open(os.path.join(_HERE, path), encoding="utf-8") as file:
        return file.read()


def _line(text: str) -> Line:
    found = _CONDITION.search(text)

    if found is None:
        return Line(text)

    word, parameter = found.groups()
    return Line(text[: found.start()], parameter, word == "if")
