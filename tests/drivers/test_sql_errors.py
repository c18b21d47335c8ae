from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import create_engine, exc, text

from asyncflow.drivers._sql_errors import told


def raised_by(database: str, *queries: str) -> Exception:
    engine = create_engine(f"sqlite:///{database}")

    def run() -> None:
        with engine.connect() as connection:
            for query in queries:
                connection.execute(text(query))

    try:
        with pytest.raises(exc.DBAPIError) as caught:
            run()
    finally:
        engine.dispose()

    return caught.value


@pytest.mark.parametrize(
    ("queries", "why", "remedy"),
    [
        (["SELECT * FROM items"], "no such table: items", "create what it names"),
        (["SELEC 1"], "syntax error", "correct the query"),
        (
            ["CREATE TABLE t (n UNIQUE)", "INSERT INTO t VALUES (1), (1)"],
            "UNIQUE constraint failed",
            "mend the rows",
        ),
    ],
    ids=["table", "syntax", "rows"],
)
def test_what_sqlite_says_has_a_remedy(
    tmp_path: Path, queries: list[str], why: str, remedy: str
) -> None:
    found = told(raised_by(str(tmp_path / "own.db"), *queries), "sqlite")
    assert why in found.why
    assert remedy in found.remedy


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "own.db"
    path.write_bytes(b"no database" * 100)
    assert (
        "correct its name" in told(raised_by(str(path), "SELECT 1 FROM t"), "sqlite")[1]
    )


def test_a_lock_of_another_program(tmp_path: Path) -> None:
    path = tmp_path / "own.db"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")

    try:
        error = raised_by(f"{path}?timeout=0", "CREATE TABLE t (n)")
    finally:
        other.close()

    assert "another program holds its lock" in told(error, "sqlite")[0]


def test_what_is_not_there() -> None:
    assert "create it with its tables" in told(FileNotFoundError("own.db"), "sqlite")[1]
    assert "correct table_name" in told(exc.NoSuchTableError("own"), "postgresql")[1]
