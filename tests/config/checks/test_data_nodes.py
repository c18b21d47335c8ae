"""Checks of where values are kept, how many versions and how long; text of periods."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest

from asyncflow.config import Configuration
from tests.support.declaring import (
    DAY,
    Declare,
    Row,
    check_refused,
    fetch,
    node,
)


async def awaited(value: object) -> bool:
    return bool(value)


BAD: dict[str, tuple[Declare, list[Row]]] = {
    "id_nan": (
        node(math.nan),
        [("DATA_NODE.nan", "id", "nan is not a Python identifier that can be an id")],
    ),
    "storage_type": (
        node(storage_type="pickel"),
        [("DATA_NODE.n", "storage_type", "did you mean 'pickle'? ")],
    ),
    "storage_type_no_string": (
        node(storage_type=[]),
        [("DATA_NODE.n", "storage_type", "choose one of 'pickle', 'in_memory'")],
    ),
    "path_no_path": (node(default_path=5), [("DATA_NODE.n", "default_path", "5")]),
    "path_empty": (node(default_path=""), [("DATA_NODE.n", "default_path", "path")]),
    "path_homeless": (
        node(default_path="~nobody-here/a.p"),
        [("DATA_NODE.n", "default_path", "'~nobody-here' is not known; give the path")],
    ),
    "validator_async": (
        node(validator=awaited),
        [("DATA_NODE.n", "validator", "which nobody awaits here; give a plain funct")],
    ),
    "path_in_memory": (
        node(storage_type="in_memory", default_path="a.p"),
        [("DATA_NODE.n", "default_path", "'in_memory' data node has no file")],
    ),
    **{
        f"path_template {word}": (
            node(default_path=f"a{word}.p"),
            [("DATA_NODE.n", "default_path", piece)],
        )
        for word, piece in {
            "{nam}": "has {nam} in it, which is nothing of its scenario; use one of {s",
            "{}": "has {} in it, which is nothing of its scenario; use one of {scenari",
            "{0}": "has {0} in it, which is nothing of its scenario; use one of {scena",
            "{date:%Y}": "and nothing stands behind the name; write {date}",
            "{name!r}": "and nothing stands behind the name; write {name}",
        }.items()
    },
    "option_type": (
        node(storage_type="csv", read_options=5, has_header="yes"),
        [
            ("DATA_NODE.n", "read_options", "5 is no dict; give a dict of param"),
            ("DATA_NODE.n", "has_header", "'yes' is no bool; give True or False"),
        ],
    ),
    "option_text": (
        node(storage_type="sql_table", table_name="t", url=5),
        [("DATA_NODE.n", "url", "5 is no str; give a value of type str, or None")],
    ),
    "option_port": (
        node(
            storage_type="sql_table",
            table_name="",
            db_engine="sqlit",
            db_name="d",
            db_port=-5,
        ),
        [
            ("DATA_NODE.n", "db_engine", "'sqlit' is not known; give one of"),
            (
                "DATA_NODE.n",
                "db_port",
                "-5 is no port; give an int from 1 to 65535, or",
            ),
            ("DATA_NODE.n", "table_name", "'' is no name of a table; give the name"),
        ],
    ),
    "option_engine": (
        node(storage_type="parquet", engine="fastparquet"),
        [("DATA_NODE.n", "engine", "'fastparquet' is not known; leave it out")],
    ),
    "option_builder": (
        node(
            storage_type="sql",
            url="sqlite:///x",
            write_query_builder=lambda: "",
            append_query_builder=fetch,
        ),
        [
            ("DATA_NODE.n", "write_query_builder", "it takes (), and is called with"),
            ("DATA_NODE.n", "append_query_builder", "is async, and gives no query"),
        ],
    ),
    "option_function": (
        node(storage_type="generic", read_fct="f", read_fct_args=5),
        [
            ("DATA_NODE.n", "read_fct", "'f' is no function; give the function it"),
            ("DATA_NODE.n", "read_fct_args", "5 is no list or tuple; give a list"),
        ],
    ),
    "option_class": (
        node(
            storage_type="mongo_collection",
            db_name="d",
            collection_name="c",
            custom_document=5,
        ),
        [("DATA_NODE.n", "custom_document", "5 is no type; give a class (in TOML")],
    ),
    "reference_to_nothing": (
        node(storage_type="sql_table", table_name="ENV[NO_T]", url="ENV[NO_U]"),
        [
            ("DATA_NODE.n", "table_name", "NO_T is not set; set it"),
            ("DATA_NODE.n", "url", "NO_U is not set; set it"),
        ],
    ),
    "reference_to_nothing_beside_others": (
        node(storage_type="sql_table", table_name=5, url="ENV[NO_U]"),
        [
            ("DATA_NODE.n", "table_name", "5 is no name of a table"),
            ("DATA_NODE.n", "url", "NO_U is not set; set it"),
        ],
    ),
    "reference_in_a_text": (
        node(
            storage_type="sql_table",
            table_name="t",
            url="postgresql://me:ENV[PASSWORD]@shop/db",
        ),
        [("DATA_NODE.n", "url", "stands for nothing; give url='ENV[NAME]', and")],
    ),
    "reference_in_a_path": (
        node(default_path="folder/ENV[NAME].p"),
        [("DATA_NODE.n", "default_path", "ENV[...] in a longer text stands for noth")],
    ),
    "period_type": (
        node(validity_period=60),
        [("DATA_NODE.n", "validity_period", "60 is not a period; give a datetime.ti")],
    ),
    "period_text": (
        node(validity_period="1d"),
        [("DATA_NODE.n", "validity_period", "'1d' is not a period")],
    ),
    "period_class": (
        node(validity_period=timedelta),
        [("DATA_NODE.n", "validity_period", "is not a period")],
    ),
    "period_nothing": (
        node(validity_period=timedelta()),
        [("DATA_NODE.n", "validity_period", "(0) is not more than nothing")],
    ),
    "period_negative": (
        node(validity_period=-DAY),
        [("DATA_NODE.n", "validity_period", "None for values that are valid for ever")],
    ),
    "versions_type": (
        node(keep_versions="2"),
        [("DATA_NODE.n", "keep_versions", "'2' is not an int from 0 to ")],
    ),
    "versions_none": (
        node(keep_versions=None),
        [("DATA_NODE.n", "keep_versions", "None is not an int")],
    ),
    "versions_bool": (
        node(keep_versions=True),
        [("DATA_NODE.n", "keep_versions", "True is not an int")],
    ),
    "versions_float": (
        node(keep_versions=2.0),
        [("DATA_NODE.n", "keep_versions", "2.0 is not an int")],
    ),
    "versions_negative": (
        node(keep_versions=-1),
        [("DATA_NODE.n", "keep_versions", "how many versions to keep beside the cur")],
    ),
    "versions_many": (
        node(keep_versions=10**30),
        [("DATA_NODE.n", "keep_versions", "000 is not an int from 0 to 1000000; ")],
    ),
    "versions_of_own_file": (
        node(default_path="a.p", keep_versions=2),
        [
            (
                "DATA_NODE.n",
                "keep_versions",
                "one version; leave it out, or leave default",
            )
        ],
    ),
    "address_of_a_path": (
        node(default_path="s3:/shop/a.csv"),
        [
            (
                "DATA_NODE.n",
                "default_path",
                "without one of its slashes; give the address",
            )
        ],
    ),
    "storage_options_of_a_path": (
        node(storage_type="csv", default_path="a.csv", storage_options={"anon": True}),
        [("DATA_NODE.n", "storage_options", "it is for addresses; leave it out")],
    ),
    "no_versions_of_own_file": (
        node(default_path="a.p", keep_versions=0),
        [("DATA_NODE.n", "keep_versions", "a file of your own has one version")],
    ),
}


@pytest.mark.parametrize(("declare", "rows"), BAD.values(), ids=BAD)
def test_check(config: Configuration, declare: Declare, rows: list[Row]) -> None:
    check_refused(config, declare, rows)


HOUR = timedelta(hours=1)
