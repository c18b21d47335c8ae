"""The verbs of the orchestrator that runs, as functions."""

from __future__ import annotations

from pathlib import Path

import pytest

import asyncflow.sync as tp
from asyncflow import (
    Configuration,
    NotFound,
    NotOpen,
)
from tests.support import flows
from tests.support.flows import single
from tests.support.sync import orchestrator as orchestrator


@pytest.mark.usefixtures("orchestrator")
def test_get_finds_by_id(config: Configuration) -> None:
    scenario = tp.create_scenario(single(config, flows.double))
    submission = scenario.submit(wait=True)

    assert tp.get(scenario.id) == scenario
    assert tp.get(submission.id) == submission

    with pytest.raises(NotFound, match="nope"):
        tp.get("nope")


def test_once_it_is_stopped_verbs_say_what_to_do(config: Configuration) -> None:
    with tp.Orchestrator(config):
        pass

    for verb in (lambda: tp.create_scenario("s"), lambda: tp.get("s")):
        with pytest.raises(NotOpen, match=r"Orchestrator\(\)\.run\(\)"):
            verb()


@pytest.mark.usefixtures("orchestrator")
def test_a_duplicate_has_what_its_model_has(config: Configuration) -> None:
    model = tp.create_scenario(single(config, flows.double, 4), name="model")
    copy = tp.duplicate_scenario(model, name="copy")

    assert (copy.name, copy.source.read()) == ("copy", 4)
    assert copy.duplicate(data=False).name == "copy"
    assert dict(copy.diff(model).attributes) == {"name": ("copy", "model")}
    assert tp.diff_scenarios(copy.id, model) == copy.diff(model)


@pytest.mark.usefixtures("orchestrator")
def test_a_scenario_goes_into_a_file_and_back(
    config: Configuration, tmp_path: Path
) -> None:
    model = tp.create_scenario(single(config, flows.double, 4, storage_type="pickle"))
    written = model.export(tmp_path / "model.zip")

    assert written.data_nodes == ("source",)
    assert tp.import_scenario(written.path).source.read() == 4
