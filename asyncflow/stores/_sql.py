"""SQL text: named queries and migrations, from the `.sql` files beside this one."""

# No annotations as texts: each would be compiled again, for a field of a NamedTuple.

import os
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

_HERE = os.path.dirname(__file__)


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
def query(names: tuple[str, ...], name: str) -> Query:
    """Return a query of some files. Blocks, the first time."""
    lines = _bodies(names)[name].strip().splitlines()
    return Query(tuple(_line(line) for line in lines))


@cache
def statement(names: tuple[str, ...], name: str) -> str:
    """Return the text of a query that has no parameters on which its lines depend."""
    return query(names, name).text({})


@cache
def parts(names: tuple[str, ...], verb: str) -> Mapping[str, str]:
    """Return the texts of the queries that are named ``verb.part``, by their parts."""
    return {
        name.removeprefix(f"{verb}."): statement(names, name)
        for name in _bodies(names)
        if name.startswith(f"{verb}.")
    }


@cache
def newest_version(folder: str) -> int:
    """Return to which version of a schema its migrations lead. Blocks, as above."""
    return max(_migration_files(folder))


@cache
def migrations(folder: str) -> Mapping[int, str]:
    """Read the statements that lead to each version of a schema. Blocks, as above.

    The files are named by the version: ``0001_records.sql``.
    """
    files = _migration_files(folder)
    return {version: read(files[version]) for version in sorted(files)}


def read(path: str) -> str:
    """Read a file beside this one. Blocks."""
    with open(os.path.join(_HERE, path), encoding="utf-8") as file:
        return file.read()


def _migration_files(folder: str) -> dict[int, str]:
    return {
        int(name.partition("_")[0]): os.path.join(folder, name)
        for name in os.listdir(os.path.join(_HERE, folder))
        if name.endswith(".sql")
    }


@cache
def _bodies(names: tuple[str, ...]) -> Mapping[str, str]:
    """Read the texts of all queries of some files."""
    found: dict[str, str] = {}

    for name in names:
        for part in read(name).split("-- name: ")[1:]:
            query, _, body = part.partition("\n")
            found[query.strip()] = body

    return found


def _line(text: str) -> Line:
    """Split off ``-- if parameter`` or ``-- unless parameter``."""
    sql, dashes, condition = text.rpartition("-- ")
    word, _, parameter = condition.partition(" ")

    if not dashes or word not in ("if", "unless"):
        return Line(text)

    return Line(sql.rstrip(), parameter, word == "if")
