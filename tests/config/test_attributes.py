"""Attributes of sections: options, properties, the names that Taipy has for fields."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import pytest

from asyncflow import ConfigError, Configuration, Scope
from tests.support.declaring import chain, double


def test_properties_and_options_are_attributes(config: Configuration) -> None:
    section: Any = config.configure_csv_data_node("a", has_header=False, note="x")
    assert (section.note, section.has_header) == ("x", False)
    assert section.read_options == {}  # not given: its default
    assert getattr(section, "nothing", 5) == 5

    with pytest.raises(AttributeError, match="did you mean 'note'"):
        _ = section.nota

    for other in (
        config.configure_task("t", double, note=1),
        config.configure_scenario("s", note=1),
        config.configure_job_executions(note=1),
        config.configure_core(note=1),
    ):
        anything: Any = other
        assert anything.note == 1

        with pytest.raises(AttributeError, match=type(other).__name__):
            _ = anything.nothing_like_it


def test_sections_are_copied(config: Configuration) -> None:
    section: Any = config.configure_data_node("a", note="x")
    for twin in (copy.copy(section), pickle.loads(pickle.dumps(section))):
        assert twin.note == "x"


def test_a_property_is_looked_up_when_it_is_read(
    config: Configuration, monkeypatch: pytest.MonkeyPatch, file: Path
) -> None:
    section: Any = config.configure_data_node("a", rows="ENV[A_ROWS]:int")
    app: Any = config.configure_global_app(key="ENV[A_KEY]")
    monkeypatch.setenv("A_ROWS", "3")
    monkeypatch.setenv("A_KEY", "k")
    assert (section.rows, app.key) == (3, "k")
    assert section.properties == {"rows": "ENV[A_ROWS]:int"}
    monkeypatch.setenv("A_ROWS", "4")
    assert section.rows == 4
    config.export(file)
    assert 'rows = "ENV[A_ROWS]:int"' in file.read_text()
    assert 'key = "ENV[A_KEY]"' in file.read_text()

    monkeypatch.delenv("A_ROWS")
    monkeypatch.delenv("A_KEY")
    with pytest.raises(ConfigError, match="A_ROWS is not set"):
        _ = section.rows

    file.write_text("[DATA_NODE.a]\n\nrows = 'ENV[A_LENGTH]'\n")
    config.override(file)
    rows, key = config.problems()
    assert (rows.section, rows.field, rows.line) == ("DATA_NODE.a", "rows", 3)
    assert (key.section, key.field, key.line) == ("APP", "key", None)


def test_other_names_of_fields(config: Configuration) -> None:
    first, second = chain(config)
    more = config.configure_data_node("more", scope=Scope.GLOBAL)
    scenario = config.configure_scenario("s", [first, second], more)
    assert (first.inputs, first.outputs) == (first.input, first.output)
    assert scenario.tasks == (first, second)
    assert scenario.additional_data_nodes == (more,)
    assert scenario.data_nodes == scenario.data_node_configs
    assert first.scope is Scope.SCENARIO
    assert config.configure_task("t", double, more, []).scope is Scope.GLOBAL
    jobs = config.configure_job_executions("standalone", 1)
    assert (jobs.is_standalone, jobs.is_development) == (True, False)


def test_sections_by_kind(config: Configuration) -> None:
    first, second = chain(config)
    assert set(config.sections) == {"DATA_NODE", "TASK", "SCENARIO"}
    assert config.sections["TASK"] == {"double": first, "add": second}
    assert config.unique_sections["JOB"] is config.job_config
    assert config.core is config.core_config is config.unique_sections["CORE"]


def test_what_an_application_keeps(config: Configuration, file: Path) -> None:
    config.configure_global_app(title="one", nb=1)
    assert config.configure_global_app(nb=2).properties == {"title": "one", "nb": 2}
    app: Any = config.global_config
    assert (app.title, app.nb) == ("one", 2)

    with pytest.raises(AttributeError, match="did you mean 'title'"):
        _ = app.titel

    config.export(file)
    assert '[APP]\ntitle = "one"\nnb = 2\n' in file.read_text()
    again = Configuration()
    again.load(file)
    assert again.global_config.properties == app.properties
    assert str(again.origins()["APP.nb"]).startswith("load")
    again.configure_global_app(nb=3)
    assert str(again.origins()["APP.nb"]) == "code"
    assert str(again.origins()["APP.title"]).startswith("load")
