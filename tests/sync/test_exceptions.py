"""Taipy's names of errors are those of what is raised here."""

from __future__ import annotations

from pathlib import Path

import pytest

import asyncflow
import asyncflow.sync as tp
from asyncflow import Configuration
from asyncflow.sync import exceptions
from tests.support.sync import orchestrator as orchestrator
from tests.support.taipy_names import names


def test_each_name_is_that_of_an_error() -> None:
    for name in names():
        if name.group != "errors":
            continue

        found = getattr(exceptions, name.name)

        if name.verdict == "same" and name.note:
            assert found is exceptions.NeverRaised
        else:
            assert found is getattr(asyncflow, name.place or name.name)


@pytest.fixture
def config() -> Configuration:
    return Configuration()


def test_what_is_raised_is_caught_by_it(
    config: Configuration, orchestrator: tp.Orchestrator, tmp_path: Path
) -> None:
    with pytest.raises(exceptions.NonExistingScenario):
        orchestrator.get("SCENARIO_nothing_0")

    node = config.configure_data_node("a", default_data=1)
    scenario = orchestrator.create_scenario(config.configure_scenario("s", [], [node]))

    with pytest.raises(exceptions.DoesNotBelongToACycle):
        scenario.set_primary()

    with pytest.raises(exceptions.LoadingError):
        config.load(tmp_path / "none.toml")
