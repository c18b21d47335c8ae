"""The steps of the stores' schemas: each has a number of its own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import asyncflow.stores

STORES = Path(asyncflow.stores.__path__[0])
SETS = {"sqlite": STORES / "schema", "postgres": STORES / "schema_postgres"}


@pytest.mark.parametrize("kind", SETS)
def test_the_steps_are_numbered_from_one_on(kind: str) -> None:
    names = sorted(path.name for path in SETS[kind].glob("*.sql"))
    assert [int(name[:4]) for name in names] == [*range(1, len(names) + 1)]


def test_each_step_of_sqlite_says_its_number() -> None:
    for path in sorted(SETS["sqlite"].glob("*.sql")):
        said = re.findall(r"PRAGMA user_version = (\d+)", path.read_text("utf-8"))
        assert said == [str(int(path.name[:4]))], path.name


def test_both_have_the_same_last_steps() -> None:
    """What came since there is the second kind of store, came to both."""
    first, second = (
        [path.stem[5:] for path in sorted(folder.glob("*.sql"))]
        for folder in SETS.values()
    )
    assert first[-len(second) + 1 :] == second[1:]
