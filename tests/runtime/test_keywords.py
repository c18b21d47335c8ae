"""Values of data nodes and properties are told apart by the names of data nodes."""

from __future__ import annotations

import re
from typing import Any

import pytest

from asyncflow import Configuration, UsageError
from asyncflow.options import RunOptions
from asyncflow.runtime.keywords import of_submit, sorted_out

NODES = ("number", "result")


def test_each_goes_where_it_belongs() -> None:
    node = Configuration().configure_data_node("result")
    values, properties = sorted_out(
        "submit", {"number": 1, "note": "a"}, {node: 2}, {"number": 3}, NODES
    )
    assert values == {"number": 1, "result": 2}
    assert properties == {"number": 3, "note": "a"}


@pytest.mark.parametrize(
    ("given", "kind", "words"),
    [
        ({"keywords": {"number": 1}, "inputs": {"number": 1}}, TypeError, "twice"),
        ({"keywords": {"note": 1}, "properties": {"note": 1}}, TypeError, "twice"),
        (
            {"verb": "create_scenario", "keywords": {"tags": ["a"]}},
            TypeError,
            "no tags",
        ),
        ({"inputs": [1]}, TypeError, "inputs is a dict, or None; got [1]"),
        ({"inputs": {"numbr": 1}}, UsageError, "did you mean 'number'?"),
        ({"inputs": {5: 1}}, UsageError, "called 5: there are number, result"),
    ],
)
def test_what_is_refused(
    given: dict[str, Any], kind: type[Exception], words: str
) -> None:
    none = {"keywords": None, "inputs": None, "properties": None}

    with pytest.raises(kind, match=re.escape(words)):
        sorted_out(nodes=NODES, **{"verb": "submit", **none, **given})


def test_a_part_takes_the_values_of_the_whole_scenario() -> None:
    config = Configuration()
    nodes = [config.configure_data_node(name) for name in NODES]
    scenario = config.configure_scenario(
        "s", config.configure_task("t", abs, nodes[0], nodes[1])
    )
    options = RunOptions(keywords={"number": 1, "note": "a"})
    sorted_options = of_submit(options, ["result"], scenario)
    assert sorted_options.inputs == {"number": 1}
    assert sorted_options.properties == {"note": "a"}
    assert sorted_options.keywords is None
