"""Attributes of sections: options, properties, the names that Taipy has for fields."""

from __future__ import annotations

import copy
import pickle
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from asyncflow import ConfigError, Configuration, Scope
from asyncflow.config.section import Section, as_given, evolved, names_of
from asyncflow.config.sections import (
    CoreConfig,
    DataNodeConfig,
    JobConfig,
    ScenarioConfig,
    TaskConfig,
)
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


@pytest.mark.parametrize(
    ("expression", "remedy"),
    [
        ("scenario.submit", "`await orchestrator.create_scenario(config)`"),
        ("scenario.source", "`await orchestrator.create_scenario(config)`"),
        ("task.submit", "a scenario has the task: `await scenario.work.submit()`"),
        ("decorated.submit", "`await scenario.double.submit()`"),
        ("node.read", "`await scenario.source.read()`"),
        ("config.create_scenario", "`async with Orchestrator(config)"),
        ("config.configure_datanode", "did you mean 'configure_data_node'?"),
        ("scenario.frequnecy", "did you mean 'frequency'?"),
    ],
)
def test_a_config_is_not_what_is_created_of_it(
    config: Configuration, expression: str, remedy: str
) -> None:
    node = config.configure_data_node("source", default_data=1)
    task = config.configure_task("work", double, node)
    known = {
        "config": config,
        "node": node,
        "task": task,
        "scenario": config.configure_scenario("s", task),
        "decorated": config.task(output="doubled")(double),
    }
    owner, _, name = expression.partition(".")

    with pytest.raises(AttributeError) as caught:
        getattr(known[owner], name)

    assert remedy in str(caught.value)
    assert repr(name) in str(caught.value)


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


ENVIRONMENT = {
    "A_TEXT": "csv",
    "A_COUNT": "3",
    "A_SECONDS": "1.5",
    "A_FLAG": "true",
    "A_SCOPE": "GLOBAL",
    "A_PERIOD": "1d",
    "A_FREQUENCY": "DAILY",
}
NUMBER, COUNT, FLAG = "ENV[A_SECONDS]:float", "ENV[A_COUNT]:int", "ENV[A_FLAG]:bool"
TEXT = "ENV[A_TEXT]"

FIELDS: dict[type[Any], dict[str, tuple[Any, Any]]] = {
    DataNodeConfig: {
        "storage_type": (TEXT, "csv"),
        "scope": ("ENV[A_SCOPE]", Scope.GLOBAL),
        "default_path": (TEXT, "csv"),
        "validity_period": ("ENV[A_PERIOD]", timedelta(days=1)),
        "keep_versions": (COUNT, 3),
        "validator": (TEXT, "csv"),
    },
    TaskConfig: {
        "skippable": (FLAG, True),
        "executor": (TEXT, "csv"),
        "on_restart": (TEXT, "csv"),
        "run_timeout": (NUMBER, 1.5),
        "stall_timeout": (NUMBER, 1.5),
        "retry": (COUNT, 3),
        "crash_retries": (COUNT, 3),
        "needs": ({"gpu": NUMBER}, {"gpu": 1.5}),
        "memory_limit": (COUNT, 3),
    },
    ScenarioConfig: {
        "frequency": ("ENV[A_FREQUENCY]", "DAILY"),
        "authorized_tags": ((TEXT, "b"), ("csv", "b")),
    },
    JobConfig: {
        "mode": (TEXT, "csv"),
        "max_nb_of_workers": (COUNT, 3),
        "echo": (FLAG, True),
        "prewarm": (FLAG, True),
        "resources": ({"gpu": COUNT}, {"gpu": 3}),
        "kill_grace": (NUMBER, 1.5),
        "shutdown_grace": (NUMBER, 1.5),
        "max_jobs_per_worker": (COUNT, 3),
        "max_worker_age": (NUMBER, 1.5),
        "max_worker_rss": (COUNT, 3),
        "max_log_size": (COUNT, 3),
        "address": (TEXT, "csv"),
        "security": ({"ca": TEXT}, {"ca": "csv"}),
        "loop_lag_warning": (NUMBER, 1.5),
    },
    CoreConfig: {
        "keep_days": (NUMBER, 1.5),
        "keep_submissions": (COUNT, 3),
        "keep_log_days": (NUMBER, 1.5),
        "time_zone": (TEXT, "csv"),
        "version_number": (TEXT, "csv"),
        "mode": (TEXT, "csv"),
        "force": (FLAG, True),
        "values": (TEXT, "csv"),
        "values_options": ({"key": TEXT}, {"key": "csv"}),
    },
}
"""What each field is given, and what is read."""

HOLD_SECTIONS = {
    *("default_data", "function", "input", "output", "task_configs", "sequences"),
    *("additional_data_node_configs", "comparators"),
}


@pytest.mark.parametrize("kind", FIELDS)
def test_a_field_is_looked_up_when_it_is_read(
    kind: type[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = FIELDS[kind]
    assert {*fields} == {*names_of(kind)} - HOLD_SECTIONS
    needed: dict[str, Any] = {"id": "a"} if issubclass(kind, Section) else {}
    needed |= {"function": double} if kind is TaskConfig else {}
    given = {name: text for name, (text, _) in fields.items()}
    made = kind(**needed, **given)
    shown = repr(made)

    # Before it is there, it is what was given.
    assert {name: getattr(made, name) for name in fields} == given

    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)

    for section in (made, copy.copy(made), pickle.loads(pickle.dumps(made))):
        read = {name: getattr(section, name) for name in fields}
        assert read == {name: value for name, (_, value) in fields.items()}
        assert {name: as_given(section, name) for name in fields} == given
        assert repr(section) == shown
        assert section.same_content(made)

    assert not made.same_content(evolved(made, **{next(iter(fields)): "other"}))
    monkeypatch.setenv("A_TEXT", "text")
    monkeypatch.setenv("A_COUNT", "4")
    changed = {"csv": "text", 3: 4}
    name = "mode" if kind is JobConfig else next(iter(fields))
    value = fields[name][1]
    assert getattr(made, name) == changed.get(value, value)


def test_a_declared_section_is_looked_up_and_kept_as_it_was_given(
    config: Configuration, monkeypatch: pytest.MonkeyPatch, file: Path
) -> None:
    monkeypatch.setenv("A_PATH", "one.csv")
    node = config.configure_csv_data_node("a", "ENV[A_PATH]")
    task = config.configure_task("t", double, node, run_timeout="ENV[A_LIMIT]:float")  # type: ignore[arg-type]  # a text for a number
    flow = config.configure_scenario("s", task, frequency="ENV[A_FREQUENCY]")
    assert [(one.section, one.field) for one in config.problems()] == [
        ("TASK.t", "run_timeout"),
        ("SCENARIO.s", "frequency"),
    ]
    assert "ENV[A_PATH]" in str(config._repr_html_())
    monkeypatch.setenv("A_FREQUENCY", "DAILY")
    assert (node.default_path, flow.frequency) == ("one.csv", "DAILY")
    assert config.data_nodes["a"].default_path == "one.csv"
    (problem,) = config.problems()
    assert (problem.section, problem.field) == ("TASK.t", "run_timeout")

    monkeypatch.setenv("A_PATH", "two.csv")
    monkeypatch.setenv("A_LIMIT", "2.5")
    assert (node.default_path, flow.tasks[0].run_timeout) == ("two.csv", 2.5)
    assert config.problems() == ()

    config.export(file)
    again = Configuration()
    again.load(file)
    assert again.data_nodes["a"].default_path == "two.csv"

    for text in ("ENV[A_PATH]", "ENV[A_LIMIT]:float", "ENV[A_FREQUENCY]"):
        assert f'"{text}"' in file.read_text()

    # What a scenario is made of stays what it was.
    settled = config.scenario("s")
    monkeypatch.setenv("A_PATH", "three.csv")
    monkeypatch.setenv("A_FREQUENCY", "WEEKLY")
    assert settled.data_nodes[0].default_path == "two.csv"
    assert settled.frequency == "DAILY"


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
