"""Declaring data nodes that are elsewhere: Taipy's order of parameters."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import attrs
import pytest

from asyncflow import Configuration, DataNodeReadingError, Orchestrator, Scope
from asyncflow.alternatives import DRIVERS


def read() -> int:
    return 1


def write(value: object) -> list[str]:
    return []


@pytest.mark.parametrize("name", DRIVERS.names())
def test_each_names_all_options(name: str) -> None:
    """Of storage types of one's own, `configure_data_node` takes them."""
    verb = getattr(Configuration, f"configure_{name}_data_node", None)
    options = DRIVERS.load(name).options_at("s3://bucket/key")

    if verb is not None and options is not None:
        named = {*inspect.signature(verb).parameters}
        assert {field.name for field in attrs.fields(options)} <= named


def test_each_says_the_same_as_the_one_for_all(config: Configuration) -> None:
    made = config.configure_sql_table_data_node(
        "a", "shop", "sqlite", "items", sqlite_folder_path="data"
    )
    assert made.options == {
        "db_name": "shop",
        "db_engine": "sqlite",
        "table_name": "items",
        "sqlite_folder_path": "data",
        "exposed_type": "pandas",
    }

    made = config.configure_sql_data_node(
        "b", "shop", "postgresql", "SELECT 1", write, db_password="ENV[WORD:x]"
    )
    assert made.options["write_query_builder"] is write
    assert made.options["db_password"] == "ENV[WORD:x]"

    made = config.configure_mongo_collection_data_node("c", "shop", "items", dict)
    assert made.options["db_port"] == 27017

    made = config.configure_s3_object_data_node("d", "ENV[A:x]", "ENV[B:y]", "b", "k")
    assert made.options["aws_s3_object_key"] == "k"

    made = config.configure_generic_data_node(
        "e", read, write, [], ["x"], Scope.GLOBAL, note="mine"
    )
    assert (made.scope, made.properties) == (Scope.GLOBAL, {"note": "mine"})
    assert made.options["write_fct_args"] == ["x"]
    assert config.problems() == ()
    kinds = [node.storage_type for node in config.data_nodes.values()]
    assert kinds == ["sql_table", "sql", "mongo_collection", "s3_object", "generic"]


@pytest.mark.parametrize(
    ("verb", "options", "field"),
    [
        ("sql_table", {"db_name": "a", "db_engine": "sqlite"}, "table_name"),
        (
            "sql_table",
            {"db_name": "a", "db_engine": "oracle", "table_name": "t"},
            "db_engine",
        ),
        ("sql", {"db_name": "a", "db_engine": "sqlite"}, "storage_type"),
        ("s3_object", {"aws_s3_bucket_name": "a"}, "aws_s3_object_key"),
        ("generic", {}, "storage_type"),
    ],
)
def test_what_is_wrong_is_a_problem(
    config: Configuration, verb: str, options: dict[str, Any], field: str
) -> None:
    getattr(config, f"configure_{verb}_data_node")("a", **options)
    assert [one.field for one in config.problems()] == [field]


def test_through_a_file(
    config: Configuration, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "AB":
        monkeypatch.setenv(name, "x")

    config.configure_sql_table_data_node(
        "a", table_name="items", url="ENV[SHOP:sqlite:///shop.db]"
    )
    config.configure_s3_object_data_node("d", "ENV[A]", "ENV[B]", "b", "k")
    config.export(file)
    other = Configuration()
    other.load(file)
    assert other.problems() == ()

    for key in ("a", "d"):
        assert other.data_nodes[key].options == config.data_nodes[key].options


@pytest.mark.anyio
async def test_nobody_connects_before_a_value_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WORD", "x")
    config = Configuration()
    nowhere: dict[str, Any] = {"db_host": "127.0.0.1", "db_port": 1, "db_name": "d"}
    table = config.configure_sql_table_data_node(
        "table",
        db_engine="postgresql",
        table_name="t",
        db_username="u",
        db_password="ENV[WORD]",
        **nowhere,
    )
    documents = config.configure_mongo_collection_data_node(
        "documents", collection_name="c", **nowhere
    )
    flow = config.configure_scenario("flow", [], [table, documents])

    async with Orchestrator(config, ":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(flow)
        assert scenario.table.is_ready_for_reading

        with pytest.raises(DataNodeReadingError, match="see that the server runs"):
            await scenario.table.read()
