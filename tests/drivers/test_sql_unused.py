"""Options of a database that have no effect are told of."""

from __future__ import annotations

from typing import Any

import pytest

from asyncflow.drivers._sql_unused import unused_of
from asyncflow.drivers.sql_table import SqlTableOptions

SQLITE: dict[str, Any] = {"db_name": "shop", "db_engine": "sqlite"}
POSTGRES: dict[str, Any] = {"db_name": "shop", "db_engine": "postgresql"}
URL = {"url": "sqlite:///shop.db"}


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
    found = [*unused_of(SqlTableOptions(table_name="items", **options))]
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
    assert not [*unused_of(SqlTableOptions(table_name="items", **options))]
