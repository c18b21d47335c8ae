"""Which names sections may have."""

from __future__ import annotations

import pytest

from asyncflow.config import ScenarioConfig, TaskConfig
from asyncflow.config.checks.names import MISNAMED, is_name, spelled
from asyncflow.config.section import names_of


@pytest.mark.parametrize("name", ["a", "A1", "größe", "match", "a_", "\u03bc_value"])
def test_a_name(name: str) -> None:
    assert is_name(name)


@pytest.mark.parametrize(
    "name",
    ["", "1st", "a b", "a-b", "class", "None", "_a", "__init__", "\u00b5", 5, None],
    ids=repr,
)
def test_what_is_no_name(name: object) -> None:
    assert not is_name(name)


def test_how_python_spells_a_name() -> None:
    assert spelled("plain") == "plain"
    assert spelled("größe") == "größe"
    assert spelled("\u00b5_value") == "\u03bc_value"
    assert spelled("\ufb01le") == "file"


def test_a_name_of_the_toml_file_stands_for_a_parameter() -> None:
    kinds = {"TASK": TaskConfig, "SCENARIO": ScenarioConfig}
    for kind, names in MISNAMED.items():
        parameters = names_of(kinds[kind])
        assert set(names.values()) <= set(parameters)
        assert not set(names) & {*parameters}
