from __future__ import annotations

import sys
from pathlib import Path

import pytest

from asyncflow import Configuration
from tests.support.command import FLOWS, answer, call


def test_what_is_right_and_what_is_wrong(folder: Path) -> None:
    assert (
        "nothing is wrong: 2 scenarios, 3 tasks"
        in call("config", "check", "flows").stdout
    )
    assert answer("config", "check", "flows") == []
    assert answer("config", "check", "-m", "flows") == []
    said = call("config", "check", code=2).output
    assert "give MODULE, or set ASYNCFLOW_MODULE" in said
    (folder / "flows.py").write_text(FLOWS + "\nconfig.configure_data_node('a b')\n")
    del sys.modules["flows"]
    told = call("config", "check", "flows", code=1).stdout
    assert "a b" in told
    (problem,) = answer("config", "check", "flows", code=1)
    names = {"section", "field", "message", "remedy", "file", "line", "level"}
    assert {*problem} == names


def test_a_configuration_is_written_and_read_again(folder: Path) -> None:
    told = call("config", "export", "flows", "-o", "flows.toml").stderr
    assert "flows.toml is written: 2 scenarios" in told
    config = Configuration()
    config.load("flows.toml")
    assert [*config.scenarios] == ["sales", "bad"]
    refused = call("config", "export", "flows", "-o", "no/such/flows.toml", code=2)
    assert "cannot be written" in refused.output


def test_each_value_has_its_origin(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "over.toml").write_text("[JOB]\nmax_nb_of_workers = 3\n")
    (folder / "flows.py").write_text(
        FLOWS + "\nconfig.configure_core(api_key='hunter2')\n"
    )
    monkeypatch.setenv("ASYNCFLOW_CONFIG", "over.toml")
    found = {one["name"]: one for one in answer("config", "show", "flows")}
    workers = found["JOB.max_nb_of_workers"]
    assert (workers["value"], workers["origin"]["layer"]) == ("3", "environment")
    assert workers["origin"]["line"] == 2
    assert found["TASK.extract.skippable"]["origin"]["layer"] == "code"
    assert found["TASK.total.skippable"]["origin"]["layer"] == "default"
    assert found["TASK.total.input"]["value"] == "[rows]"
    shown = call("config", "show", "flows").stdout
    assert "environment (over.toml:2)" in shown
    assert "hunter2" not in shown
    assert "hunter2" not in call("config", "show", "flows", "--json").stdout


def test_a_part_of_it(folder: Path) -> None:
    shown = answer("config", "show", "flows", "--section", "TASK.extract", "--set-only")
    assert [one["name"] for one in shown] == [
        "TASK.extract.function",
        "TASK.extract.input",
        "TASK.extract.output",
        "TASK.extract.skippable",
    ]
    unknown = call("config", "show", "flows", "--section", "TASK.nope", code=2).output
    assert "TASK.extract" in unknown


def test_an_export_tells_its_file_as_json(folder: Path) -> None:
    told = answer("config", "export", "flows", "-o", "out.toml")
    assert told == {"file": str(folder / "out.toml")}
