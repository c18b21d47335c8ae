"""Options of data nodes that have no effect are told of once, as an orchestrator opens."""

from __future__ import annotations

from typing import Any

import pytest

from asyncflow import Configuration, Orchestrator
from asyncflow.config.checks.unused_options import notes

SQLITE: dict[str, Any] = {"db_name": "shop", "db_engine": "sqlite"}
POSTGRES: dict[str, Any] = {"db_name": "shop", "db_engine": "postgresql"}
URL = {"url": "sqlite:///shop.db"}
TABLE = {"table_name": "items"}


def lines_of(kind: str, **options: Any) -> list[str]:
    config = Configuration()
    config.configure_data_node("own", kind, **options)
    return [*notes(config.data_nodes.values())]


@pytest.mark.parametrize("kind", ["csv", "json", "parquet", "excel"])
def test_options_for_an_address_without_one(kind: str) -> None:
    for path, words in ((None, "there is no path"), ("own.x", "'own.x' is a path")):
        (line,) = lines_of(kind, default_path=path, storage_options={"key": "hunter2"})
        assert words in line
        assert "storage_options are for an address" in line
        assert line.startswith("data node 'own'")
        assert "hunter2" not in line

    for path in ("s3://bucket/x", "ENV[PLACE]"):
        assert not lines_of(kind, default_path=path, storage_options={"key": "a"})


@pytest.mark.parametrize("exposed", ["str", "bytes"])
def test_options_for_tables_of_a_text(exposed: str) -> None:
    given = {"read_options": {"sep": ";"}, "write_options": {"sep": ";"}}
    found = lines_of("csv", exposed_type=exposed, **given)
    assert len(found) == 2
    assert all("exposed_type is the text itself" in line for line in found)
    assert not lines_of("csv", **given)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({**SQLITE, "db_username": "me"}, "db_username is for a server"),
        ({**SQLITE, "db_host": "there", "db_port": 1}, "db_host is for a server"),
        ({**URL, "db_password": "hunter2"}, "db_password has no effect beside url"),
        ({**URL, "sqlite_folder_path": "x"}, "sqlite_folder_path has no effect"),
        ({**URL, "db_extra_args": {"a": 1}}, "db_extra_args has no effect"),
        ({**POSTGRES, "sqlite_file_extension": ".x"}, "sqlite_file_extension is for"),
        ({**POSTGRES, "db_driver": "x"}, "db_driver is for mssql: give url"),
    ],
)
def test_options_of_another_kind_of_database(
    options: dict[str, Any], words: str
) -> None:
    found = lines_of("sql_table", **TABLE, **options)
    assert words in found[0]
    assert "hunter2" not in str(found)


@pytest.mark.parametrize(
    "options",
    [
        SQLITE,
        URL,
        POSTGRES,
        {**SQLITE, "db_username": "", "db_host": "localhost"},  # as Taipy has them
        {**SQLITE, "db_extra_args": {"timeout": 3}, "sqlite_folder_path": "x"},
        {**POSTGRES, "db_username": "u", "db_password": "p", "db_port": 1},
        {"db_name": "a", "db_engine": "mssql", "db_driver": "ODBC Driver 18"},
    ],
)
def test_options_that_have_an_effect(options: dict[str, Any]) -> None:
    assert not lines_of("sql_table", **TABLE, **options)


def test_arguments_without_a_function() -> None:
    (line,) = lines_of("generic", read_fct=print, write_fct_args=[1])
    assert "write_fct_args are for write_fct, and there is none" in line
    (line,) = lines_of("generic", write_fct=print, read_fct_args=[1])
    assert "read_fct_args are for read_fct, and there is none" in line
    assert not lines_of("generic", read_fct=print, read_fct_args=[1])


def test_wrong_options_are_left_to_the_checks() -> None:
    assert not lines_of("csv", encoding="nonsense", storage_options={"a": 1})


@pytest.mark.anyio
async def test_it_is_told_once(
    config: Configuration, caplog: pytest.LogCaptureFixture
) -> None:
    config.configure_job_executions(mode="development")
    node = config.configure_csv_data_node("own", "own.csv", storage_options={"a": 1})
    config.configure_scenario("flow", [], node)

    async with Orchestrator(config, ":memory:") as orchestrator:
        for _ in range(2):
            await orchestrator.create_scenario("flow")

    (told,) = [line for line in caplog.messages if "storage_options" in line]
    assert told == (
        "data node 'own': storage_options are for an address, and 'own.csv' is a path: "
        "leave it out"
    )
