"""What all sections have."""

from __future__ import annotations

from typing import Any

from asyncflow.config import (
    DataNodeConfig,
    ScenarioConfig,
    TaskConfig,
)
from asyncflow.config.section import key_of, names_of
from tests.support.declaring import (
    double,
)


def test_what_a_section_is_called_in_a_problem() -> None:
    wrong: Any = [1]
    assert DataNodeConfig(id="a").label == "DATA_NODE.a"
    assert (TaskConfig(id=wrong, function=double).key) == "[1]"
    assert key_of("a") == "a"
    assert key_of(5) == "5"


def test_the_options_of_a_class_in_the_order_of_its_fields() -> None:
    assert names_of(ScenarioConfig) == (
        "task_configs",
        "additional_data_node_configs",
        "sequences",
        "comparators",
        "frequency",
        "authorized_tags",
    )
    assert names_of(None) == ()
