"""SQL text: named queries, lines that depend on parameters, and numbered migrations."""

from __future__ import annotations

import pytest

from asyncflow.stores import _sql
from asyncflow.stores._postgres import SCHEMA, PostgresDatabase
from asyncflow.stores._sqlite import SqliteDatabase


def test_a_line_may_depend_on_a_parameter() -> None:
    query = _sql.query(SqliteDatabase.queries, "data_node")
    nothing = query.text({"id": None, "newest_first": False})
    all_of_it = query.text({"id": "", "owner_id": "", "newest_first": True})

    assert ":id" not in nothing
    assert "DESC" not in nothing
    assert "id = :id" in all_of_it
    assert "owner_id = :owner_id" in all_of_it
    assert "seq DESC" in all_of_it
    assert all_of_it.count("seq") == 1


def test_a_query_without_parameters_is_one_text() -> None:
    names = SqliteDatabase.queries
    assert _sql.statement(names, "journal_mode") == "PRAGMA journal_mode = WAL;"
    assert _sql.statement(names, "temp_store").startswith("PRAGMA temp_store = MEMORY;")
    assert ":name" not in _sql.statement(names, "scenario")

    with pytest.raises(KeyError, match="no_such_query"):
        _sql.statement(names, "no_such_query")


@pytest.mark.parametrize("database", [SqliteDatabase, PostgresDatabase])
def test_the_parts_of_a_verb_are_its_queries(
    database: type[SqliteDatabase | PostgresDatabase],
) -> None:
    names = database.queries
    parts = _sql.parts(names, "claim")
    assert {"scenario", "submission", "found"} <= {*parts}
    assert parts["scenario"] == _sql.statement(names, "claim.scenario")
    assert _sql.parts(names, "cla") == {}


@pytest.mark.parametrize(
    ("folder", "last_line"),
    [
        ("schema", "PRAGMA user_version = {};"),
        (SCHEMA, "UPDATE store SET schema_version = {};"),
    ],
)
def test_migrations_are_numbered_without_gaps(folder: str, last_line: str) -> None:
    versions = _sql.migrations(folder)
    assert list(versions) == list(range(1, len(versions) + 1))
    assert _sql.newest_version(folder) == len(versions)

    for version, text in versions.items():
        assert text.endswith(f"\n{last_line.format(version)}\n")
