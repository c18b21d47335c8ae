"""Properties that are called as an option of something else: told, and kept."""

from __future__ import annotations

from typing import Any

import pytest

from asyncflow.alternatives import DRIVERS
from asyncflow.config import Configuration, Scope
from asyncflow.config.checks.stray_options import OF_DRIVERS, notes
from asyncflow.config.section import names_of
from asyncflow.drivers import BUILT_IN
from tests.support.declaring import double

FREE: dict[str, Any] = {"owner": 1, "mode": "fast", "url": "a", "title": 2, "unit": 3}


def test_what_something_else_takes_is_told_and_kept(config: Configuration) -> None:
    other: dict[str, Any] = {"header": 0, "seperator": ";", "frequency": 1}
    node = config.configure_data_node("n", **other)
    scope: dict[str, Any] = {"scope": Scope.GLOBAL, "encodng": 1, **FREE}
    task = config.configure_task("t", double, node, **scope)
    scenario = config.configure_scenario("s", task, sheet_name=1, **FREE)
    assert config.problems() == ()
    told = list(notes([node, task, scenario]))
    assert [line.partition(" is kept")[0] for line in told] == [
        *("DATA_NODE.n: 'header'", "DATA_NODE.n: 'seperator'"),
        *("DATA_NODE.n: 'frequency'", "TASK.t: 'scope'", "SCENARIO.s: 'sheet_name'"),
    ]
    assert told[0].endswith("csv and excel data nodes have has_header for it")
    assert "looks like 'separator', and csv" in told[1]
    assert told[3].endswith("scope is an option of configure_data_node()")


def test_the_options_of_storage_types_are_known() -> None:
    types: dict[str, set[str]] = {}

    for storage_type in BUILT_IN:
        driver = DRIVERS.load(storage_type)
        places = None, "s3://bucket/key"

        for option in {
            name for at in places for name in names_of(driver.options_at(at))
        }:
            types.setdefault(option, set()).add(storage_type)

    of_files = types.pop("storage_options")
    assert of_files == {"pickle", "json", "csv", "parquet", "excel"}
    assert types == {
        option: {*names.replace(" and ", ", ").split(", ")}
        for option, names in OF_DRIVERS.items()
        if option != "storage_options"
    }


@pytest.mark.parametrize(
    "name", ["description", "version", "color", "score", "input_a"]
)
def test_other_names_say_nothing(config: Configuration, name: str) -> None:
    free: dict[str, Any] = {name: 1}
    assert not list(notes([config.configure_data_node("n", **free)]))
