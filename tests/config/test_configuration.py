"""Declaring: sections, what an id means when it is configured again, what is found."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asyncflow.config import Config, Configuration, DataNodeConfig, Scope
from asyncflow.config.sections import NOT_GIVEN
from asyncflow.errors import ConfigError
from tests.support.declaring import (
    DAY,
    Declare,
    chain,
    double,
    node,
    task,
)

# -------------------------------------------------------------------------- declaring


@pytest.mark.smoke
def test_what_is_declared_is_there(config: Configuration) -> None:
    tasks = chain(config)
    scenario = config.configure_scenario("sc", tasks, sequences={"one": tasks[0]})
    jobs = config.configure_job_executions("standalone", 2)

    assert list(config.data_nodes) == ["my_input", "intermediate", "my_output"]
    assert config.tasks == {"double": tasks[0], "add": tasks[1]}
    assert config.scenarios == {"sc": scenario}
    assert config.job_config is jobs
    assert scenario.sequences == {"one": (tasks[0],)}
    assert [node.id for node in scenario.data_node_configs] == list(config.data_nodes)
    assert tasks[0].input_configs == (config.data_nodes["my_input"],)
    assert tasks[0].output_configs == (config.data_nodes["intermediate"],)
    config.check()


def test_defaults(config: Configuration) -> None:
    node = config.configure_data_node("a")
    task = config.configure_task("t", double)
    assert (node.storage_type, node.scope) == ("pickle", Scope.SCENARIO)
    assert (node.default_data, node.default_path, node.properties) == (
        NOT_GIVEN,
        None,
        {},
    )
    assert (node.validity_period, node.keep_versions) == (None, 1)
    assert (task.input, task.output, task.skippable) == ((), (), False)
    assert (task.executor, task.on_restart) == ("process", "rerun")
    jobs = config.job_config
    assert (jobs.mode, jobs.max_nb_of_workers) == ("development", None)
    assert (jobs.echo, jobs.prewarm) == (True, None)
    assert config.configure_scenario("s").data_node_configs == ()


def test_shorthands_for_storage_types(config: Configuration) -> None:
    pickled = config.configure_pickle_data_node("a", Path("a.p"), 1, Scope.GLOBAL, x=2)
    kept = config.configure_in_memory_data_node("b", 1, Scope.CYCLE)
    assert (pickled.storage_type, pickled.default_path) == ("pickle", "a.p")
    assert (pickled.scope, pickled.properties) == (Scope.GLOBAL, {"x": 2})
    assert (kept.storage_type, kept.default_data) == ("in_memory", 1)
    assert config.problems() == ()


@pytest.mark.parametrize("storage_type", ["pickle", "in_memory"])
def test_how_values_are_kept(config: Configuration, storage_type: str) -> None:
    shorthands: dict[str, Callable[..., DataNodeConfig]] = {
        "pickle": config.configure_pickle_data_node,
        "in_memory": config.configure_in_memory_data_node,
    }
    options: dict[str, Any] = {"validity_period": DAY, "keep_versions": 3, "x": 1}
    plain = config.configure_data_node("a", storage_type, **options)
    short = shorthands[storage_type]("b", **options)

    for section in (plain, short):
        assert section.storage_type == storage_type
        assert (section.validity_period, section.keep_versions) == (DAY, 3)
        assert section.properties == {"x": 1}

    assert config.problems() == ()


def test_what_becomes_of_a_job_that_was_interrupted(config: Configuration) -> None:
    task = config.configure_task("t", double, on_restart="fail", x=1)
    assert (task.on_restart, task.properties) == ("fail", {"x": 1})
    assert config.problems() == ()


def test_the_views_are_live_and_read_only(config: Configuration) -> None:
    nodes = config.data_nodes
    config.configure_data_node("a")
    assert list(nodes) == ["a"]

    with pytest.raises(TypeError):
        nodes["b"] = nodes["a"]  # type: ignore[index]  # that is what is tested

    config.clear()
    assert not nodes


def test_every_change_makes_a_new_revision(config: Configuration) -> None:
    revisions = [config.revision]
    for change in (
        lambda: config.configure_data_node("a"),
        lambda: config.configure_task("t", double),
        lambda: config.configure_scenario("s"),
        lambda: config.configure_job_executions("standalone"),
        config.clear,
    ):
        change()
        revisions.append(config.revision)

    assert revisions == sorted(set(revisions))


def test_a_mode_of_none_keeps_the_mode(config: Configuration) -> None:
    config.configure_job_executions("standalone", 2)
    jobs = config.configure_job_executions(echo=False)
    assert (jobs.mode, jobs.max_nb_of_workers, jobs.echo) == ("standalone", None, False)
    assert config.problems() == ()


def test_the_default_configuration_is_a_configuration() -> None:
    assert isinstance(Config, Configuration)


def test_importing_it_imports_no_toml() -> None:
    code = (
        "import sys, asyncflow.config; print({'tomlkit', 'tomllib'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout.strip() == b"set()"


# ------------------------------------------------------------------ an id, once again


def test_the_same_content_again_is_no_problem(config: Configuration) -> None:
    data = np.arange(3)
    for _ in range(2):
        first = config.configure_data_node("a", default_data=data, x=[1])
        task = config.configure_task(
            "t", double, first, config.configure_data_node("b")
        )
        scenario = config.configure_scenario("s", task, sequences={"one": [task]})

    assert config.problems() == ()
    assert config.data_nodes["a"] is first
    assert config.tasks["t"] is task
    assert config.scenarios["s"] is scenario
    assert task.input == (first,)


def test_other_content_is_a_problem_until_cleared(config: Configuration) -> None:
    config.configure_data_node("a", default_data=1)
    config.configure_data_node("a", default_data=2)
    config.configure_data_node("a", default_data=2)
    (problem,) = config.problems()
    assert (problem.section, problem.field) == ("DATA_NODE.a", "default_data")
    assert "1" in problem.message
    assert "2" in problem.message
    assert "Config.clear()" in problem.remedy
    assert config.data_nodes["a"].default_data == 2

    config.clear()
    assert config.problems() == ()


def test_other_content_wins_at_a_prompt(
    config: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    first, _ = chain(config)
    scenario = config.configure_scenario("s", first, sequences={"one": first})
    node = config.configure_data_node("my_input", default_data=22)
    assert config.problems() == ()

    current = config.tasks["double"]
    assert current.input == (node,)
    assert config.scenarios["s"].task_configs == (current,)
    assert config.scenarios["s"].sequences == {"one": (current,)}
    assert config.scenario(scenario) is config.scenarios["s"]
    assert config.resolve(first) is current

    # The objects from before stand for what is now declared under their ids.
    assert config.configure_scenario("t", first).task_configs == (current,)
    assert config.problems() == ()


# ---------------------------------------------------------------- finding a scenario


def test_a_scenario_is_found_by_section_and_id(config: Configuration) -> None:
    section = config.configure_scenario("s")
    assert config.scenario(section) is config.scenario("s") is section


def test_an_unknown_scenario_is_refused(config: Configuration) -> None:
    config.configure_scenario("s")
    elsewhere = Configuration().configure_scenario("s")
    for unknown in ("t", elsewhere):
        with pytest.raises(ConfigError) as caught:
            config.scenario(unknown)

        assert "Configuration that the Orchestrator" in caught.value.problems[0].remedy


def test_a_cleared_section_is_refused(config: Configuration) -> None:
    section = config.configure_scenario("s")
    config.clear()
    with pytest.raises(ConfigError):
        config.scenario(section)


@pytest.mark.parametrize(
    ("field", "declare"),
    [
        ("validity_period", node("a", validity_period=DAY)),
        ("keep_versions", node("a", keep_versions=2)),
        ("on_restart", task("a", on_restart="fail")),
    ],
)
def test_other_options_are_other_content(
    config: Configuration, field: str, declare: Declare
) -> None:
    plain = task("a") if field == "on_restart" else node("a")
    declare(config)
    plain(config)
    assert [problem.field for problem in config.problems()] == [field]

    config.clear()
    declare(config)
    declare(config)
    assert config.problems() == ()


def test_a_scenario_that_was_meant(config: Configuration) -> None:
    config.configure_scenario("sales")

    with pytest.raises(ConfigError, match="did you mean 'sales'"):
        config.scenario("sale")


def test_a_section_of_another_kind_is_no_scenario(config: Configuration) -> None:
    task: Any = config.configure_task("t", double)

    with pytest.raises(
        TypeError, match="the config of a scenario, or its id, is given"
    ):
        config.scenario(task)
