"""The verbs that declare data nodes say what `configure_data_node` says."""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from asyncflow import ConfigError, Configuration, Scope


class Item:
    """A row."""


class Encoder(json.JSONEncoder):
    """Encodes as its base does."""


def check(value: object) -> bool:
    return bool(value)


def test_each_is_that_of_its_storage_type(config: Configuration) -> None:
    config.configure_json_data_node("j", "j.json", encoding="latin-1")
    config.configure_csv_data_node("c", exposed_type=Item, has_header=False)
    config.configure_parquet_data_node("p", exposed_type="polars", compression=None)
    config.configure_excel_data_node("e", "e.xlsx", sheet_name=["a", "b"])
    other = Configuration()
    other.configure_data_node("j", "json", default_path="j.json", encoding="latin-1")
    other.configure_data_node(
        *("c", "csv"), exposed_type=Item, has_header=False, encoding="utf-8"
    )
    other.configure_data_node(
        *("p", "parquet"),
        exposed_type="polars",
        compression=None,
        engine="pyarrow",
    )
    other.configure_data_node(
        *("e", "excel"),
        default_path="e.xlsx",
        exposed_type="pandas",
        has_header=True,
        sheet_name=["a", "b"],
    )
    assert config.problems() == ()

    for name, node in config.data_nodes.items():
        assert node.differing(other.data_nodes[name]) == ()
        assert node.properties == {}
        assert node.driver_options() == other.data_nodes[name].driver_options()


def test_options_of_all_kinds_go_through_a_file(
    config: Configuration, tmp_path: Path
) -> None:
    config.configure_csv_data_node(
        "c", "own.csv", exposed_type=Item, read_options={"sep": ";"}, validator=check
    )
    config.configure_csv_data_node("rows", exposed_type=dict)
    config.configure_json_data_node("j", encoder=Encoder)
    config.configure_excel_data_node("e", sheet_name=["a"])
    config.export(tmp_path / "own.toml")
    text = (tmp_path / "own.toml").read_text()
    assert 'exposed_type = "tests.config.test_data_nodes:Item"\n' in text
    assert 'validator = "tests.config.test_data_nodes:check"\n' in text

    other = Configuration()
    other.load(tmp_path / "own.toml")
    assert other.problems() == ()
    assert other.data_nodes["c"].validator is check

    for name, node in config.data_nodes.items():
        made = other.data_nodes[name]
        assert made.default_path == node.default_path
        assert made.storage_type == node.storage_type

    assert (
        other.data_nodes["j"].driver_options()
        == config.data_nodes["j"].driver_options()
    )
    assert (
        other.data_nodes["e"].driver_options()
        == config.data_nodes["e"].driver_options()
    )


@pytest.mark.parametrize(
    ("storage_type", "options", "field", "words"),
    [
        ("csv", {"exposed_type": "panda"}, "exposed_type", "give one of pandas"),
        ("csv", {"exposed_type": 3}, "exposed_type", "give one of pandas"),
        ("csv", {"encoding": "utf-9"}, "encoding", "give an encoding of Python"),
        ("csv", {"has_header": "yes"}, "has_header", "give True or False"),
        ("csv", {"read_options": ";"}, "read_options", "give a dict of parameters"),
        ("csv", {"exposed_typ": "polars"}, "exposed_typ", "'exposed_type'"),
        ("json", {"encoder": int}, "encoder", "a subclass of json.JSONEncoder"),
        ("json", {"decoder": "nowhere:D"}, "decoder", "a subclass of json.JSONDecoder"),
        ("parquet", {"compression": "zip"}, "compression", "give 'snappy'"),
        ("parquet", {"engine": "fastparquet"}, "engine", "leave it out"),
        ("excel", {"sheet_name": []}, "sheet_name", "give a name, a list"),
        ("pickle", {"validator": 3}, "validator", "give a function, or a schema"),
    ],
)
def test_wrong_options_are_problems(
    config: Configuration,
    storage_type: str,
    options: dict[str, object],
    field: str,
    words: str,
) -> None:
    config.configure_data_node("made", storage_type, **options)  # type: ignore[arg-type]  # wrong on purpose
    (problem,) = config.problems()
    assert problem.field == field
    assert words in problem.remedy


def test_all_missing_packages_are_told(
    config: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    config.configure_csv_data_node("c")
    config.configure_csv_data_node("plain", exposed_type=Item)
    config.configure_excel_data_node("e", exposed_type="polars")
    config.configure_parquet_data_node("p", exposed_type="polars")
    assert [(one.section, one.remedy) for one in config.problems()] == [
        ("DATA_NODE.c", "pip install '.[pandas]'"),
        ("DATA_NODE.e", "pip install '.[excel,polars]'"),
        ("DATA_NODE.p", "pip install '.[polars]'"),
    ]


def test_a_file_is_loaded_where_packages_are_missing(
    config: Configuration, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("pandas", "pyarrow", "sqlalchemy"):
        monkeypatch.setitem(sys.modules, name, None)

    file = tmp_path / "config.toml"
    file.write_text(
        """
        [DATA_NODE.t]
        storage_type = "sql_table"
        url = "sqlite:///shop.db"
        table_name = "items"
        [DATA_NODE.p]
        storage_type = "parquet"
        """
    )
    config.load(file)

    with pytest.raises(ConfigError) as caught:
        config.check()

    assert [(one.section, one.line, one.remedy) for one in caught.value.problems] == [
        ("DATA_NODE.t", 3, "pip install '.[pandas,sql]'"),
        ("DATA_NODE.p", 7, "pip install '.[pandas,parquet]'"),
    ]


def test_parameters_are_in_taipys_order(config: Configuration) -> None:
    scope, period = Scope.GLOBAL, timedelta(days=1)
    declared = [
        config.configure_data_node("a", "pickle", scope, period),
        config.configure_pickle_data_node("b", "b.p", 1, scope, period),
        config.configure_in_memory_data_node("c", 1, scope, period),
        config.configure_json_data_node("d", "d", "utf-8", None, None, scope, period),
        config.configure_csv_data_node("e", "e", "utf-8", True, "numpy", scope, period),
        config.configure_excel_data_node("f", "f", True, "s", "numpy", scope, period),
        config.configure_parquet_data_node(
            "g", "g", "pyarrow", "gzip", {"a": 1}, {"b": 2}, "numpy", scope, period
        ),
        config.configure_generic_data_node("h", abs, print, [1], [2], scope, period),
    ]
    assert {(each.scope, each.validity_period) for each in declared} == {
        (scope, period)
    }
    assert [each.options["exposed_type"] for each in declared[4:7]] == ["numpy"] * 3
    assert declared[6].options["write_options"] == {"b": 2}


def test_read_kwargs_are_read_options(config: Configuration) -> None:
    node = config.configure_parquet_data_node(
        "a", read_kwargs={"columns": ["x"]}, write_kwargs={}
    )
    assert node.options["read_options"] == {"columns": ["x"]}
    assert node.options["write_options"] == node.properties == {}
    other = config.configure_pickle_data_node("b", read_kwargs=1)
    assert other.properties == {"read_kwargs": 1}
