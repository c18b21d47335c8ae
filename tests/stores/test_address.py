"""Which store an address means."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from asyncflow import Orchestrator, UsageError
from asyncflow.errors import StoreFailed
from asyncflow.runtime.wiring import as_store
from asyncflow.stores.memory import MemoryStore
from asyncflow.stores.postgres import PostgresStore
from asyncflow.stores.sqlite import SqliteStore

BAD = {
    "postgresql+psycopg://me:secret@host/db": "'postgresql.psycopg://': write postgres",
    "Postgresql://me:secret@host/db": "small letters",
    "POSTGRES://me:secret@host/db": "small letters",
    "postgresql:/me:secret@host/db": "write postgresql://",
    "postgresql:me:secret@host": "write postgresql://",
    "mysql://me:secret@host/db": "nothing is known of 'mysql:'",
    "mysql+pymysql://me:secret@host/db": "nothing is known of",
    "s3://bucket/secret": "nothing is known of 's3:'",
    "redis:secret": "nothing is known of 'redis:'",
    "sqlite:///x.db": "give the path alone, 'x.db'",
    "sqlite:////a/x.db": "give the path alone, '/a/x.db'",
    "sqlite+aiosqlite:///x.db": "give the path alone, 'x.db'",
    "sqlite://:memory:": "give the path alone, ':memory:'",
    "sqlite://me:secret@host/db": "give the path alone;",
    "file:x.db": "give the path alone, 'x.db'",
    "file:///a/x.db?mode=ro": "give the path alone;",
    '"postgresql://me:secret@host/db"': "before its scheme",
    "host=localhost password=secret": "it is how to connect to PostgreSQL",
    "dbname=x": "it is how to connect to PostgreSQL",
    "memory": "did you mean ':memory:'",
    ":memory": "did you mean ':memory:'",
    "Memory:": "did you mean ':memory:'",
    "in_memory": "did you mean ':memory:'",
    "~nobody-has-this-name/x.db": "home folder of '~nobody-has-this-name' is not known",
}


@pytest.mark.parametrize(("address", "words"), BAD.items())
def test_an_address_that_is_none_is_refused(
    address: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match=f"^store is not.*{words}.*known are") as told:
        Orchestrator(store=address)

    assert "secret" not in str(told.value)
    monkeypatch.setenv("ASYNCFLOW_STORE", address)

    with pytest.raises(
        UsageError, match=r"^the environment variable ASYNCFLOW_STORE is"
    ):
        Orchestrator()


@pytest.mark.parametrize("address", ["", " ", "\n"])
def test_empty_is_as_unset(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for value in (address, None):
        monkeypatch.setenv("ASYNCFLOW_STORE", address)
        found = as_store(value)
        assert isinstance(found, SqliteStore)
        assert found.path == ".asyncflow/asyncflow.db"

    monkeypatch.setenv("ASYNCFLOW_STORE", ":memory:")
    assert isinstance(as_store(address), MemoryStore)


@pytest.mark.parametrize(
    "address",
    [
        "runs.db",
        "runs",
        "./a:b.db",
        "a/b:c",
        "/a/b.db",
        "2026-01-01T10:00.db",
        "memory.db",
    ],
)
def test_a_path_is_a_file(address: str) -> None:
    found = as_store(address)
    assert isinstance(found, SqliteStore)
    assert found.path == address


@pytest.mark.parametrize("scheme", ["postgresql", "postgres"])
def test_postgres_has_two_schemes(scheme: str) -> None:
    found = as_store(f" {scheme}://me:secret@host/db\n")
    assert isinstance(found, PostgresStore)
    assert found.conninfo == f"{scheme}://me:secret@host/db"
    assert "secret" not in repr(found)


@pytest.mark.smoke
def test_a_path_object_is_no_address() -> None:
    found = as_store(Path("memory"))
    assert isinstance(found, SqliteStore)
    assert found.path == "memory"


@pytest.mark.parametrize("as_given", [str, Path])
def test_home_is_expanded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, as_given: type
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    given = as_given("~/x.db")
    assert getattr(as_store(given), "path") == str(tmp_path / "x.db")  # noqa: B009
    assert SqliteStore(given).path == str(tmp_path / "x.db")
    assert PostgresStore("", folder=as_given("~/v")).folder == str(tmp_path / "v")


def test_a_store_takes_no_address_for_a_path() -> None:
    with pytest.raises(UsageError, match="this is not the path of a file") as told:
        SqliteStore("postgresql://me:secret@host/db")

    assert "secret" not in str(told.value)


@pytest.mark.anyio
async def test_an_error_names_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASYNCFLOW_STORE", str(tmp_path))

    with pytest.raises(StoreFailed, match=r"variable ASYNCFLOW_STORE.*is a folder"):
        await Orchestrator().__aenter__()

    with pytest.raises(StoreFailed) as told:
        await Orchestrator(store=os.fspath(tmp_path)).__aenter__()

    assert "ASYNCFLOW" not in str(told.value)


@pytest.mark.anyio
@pytest.mark.parametrize(
    "conninfo",
    [
        "postgresql://me:sec@ret@host/db",
        "postgresql://me:sec/ret@host/db",
        "me:secret@host/db",
        "postgresql://me:secret@host:port/db",
        "postgresql://me:secret@[host/db",
    ],
)
async def test_no_part_of_a_password_is_told(conninfo: str) -> None:
    with pytest.raises(StoreFailed, match=r"cannot be read.*%40 for @") as told:
        await PostgresStore(conninfo).__aenter__()

    error: BaseException | None = told.value

    while error is not None:
        assert not any(part in str(error) for part in ("sec@", "ret@", "secret"))
        error = error.__cause__ or error.__context__
