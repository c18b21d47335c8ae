"""Names that look like an option or a data node, and are none."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest

from asyncflow.config import (
    Configuration,
    CoreConfig,
    DataNodeConfig,
    JobConfig,
    ScenarioConfig,
    TaskConfig,
)
from asyncflow.config.checks.typos import (
    OTHER_NAMES,
    node_like,
    option_like,
    place_of,
    problems,
    spelled_like,
)
from asyncflow.config.section import names_of
from tests.support.declaring import (
    double,
)

TYPOS = [
    ("DATA_NODE", "keep_version", "keep_versions"),
    ("DATA_NODE", "defualt_data", "default_data"),
    ("DATA_NODE", "path", "default_path"),
    ("TASK", "skipable", "skippable"),
    ("TASK", "timeout", "run_timeout"),
    ("TASK", "time_out", "run_timeout"),
    ("TASK", "retries", "retry"),
    ("TASK", "runTimeout", "run_timeout"),
    ("SCENARIO", "sequence", "sequences"),
    ("JOB", "max_workers", "max_nb_of_workers"),
    ("JOB", "nb_of_workers", "max_nb_of_workers"),
    ("JOB", "kill_grce", "kill_grace"),
    ("JOB", "moed", "mode"),
    ("TASK", "nedes", "needs"),
    ("DATA_NODE", "scpoe", "scope"),
    ("DATA_NODE", "ttl", "validity_period"),
    ("DATA_NODE", "n_versions", "keep_versions"),
    ("TASK", "cache", "skippable"),
    ("TASK", "max_memory", "memory_limit"),
    ("JOB", "concurrency", "max_nb_of_workers"),
    ("TASK", "retires", "retry"),
    ("JOB", "max_wrkers", "max_nb_of_workers"),
    ("JOB", "drain_tmeout", "shutdown_grace"),
    ("CORE", "keep_dys", "keep_days"),
    ("CORE", "retension", "keep_days"),
    ("CORE", "storage_foldr", "storage_folder"),
    ("JOB", "ecko", "echo"),  # a section that has hardly any properties
]


@pytest.mark.parametrize(
    ("storage_type", "name", "option"),
    [
        ("excel", "sheet", "sheet_name"),
        ("pickle", "sheet", None),
    ],
)
def test_options_of_storage_types(
    config: Configuration, storage_type: str, name: str, option: str | None
) -> None:
    options: dict[str, Any] = {name: {}}
    config.configure_data_node("n", storage_type, **options)
    found = [one for one in config.problems() if one.field == name]
    assert [f"did you mean {option!r}?" in one.remedy for one in found] == (
        [True] if option else []
    )


@pytest.mark.parametrize(
    ("kind", "name", "option"), TYPOS, ids=[name for _, name, _ in TYPOS]
)
def test_what_looks_like_an_option_is_no_property(
    config: Configuration, kind: str, name: str, option: str
) -> None:
    configure: dict[str, Callable[..., object]] = {
        "DATA_NODE": functools.partial(config.configure_data_node, "n"),
        "TASK": functools.partial(config.configure_task, "t", double),
        "SCENARIO": functools.partial(config.configure_scenario, "s"),
        "JOB": config.configure_job_executions,
        "CORE": config.configure_core,
    }
    configure["DATA_NODE"]()
    configure["TASK"] = functools.partial(
        config.configure_task, "t", double, config.data_nodes["n"]
    )
    configure[kind](**{name: 1})
    (problem,) = [one for one in config.problems() if "twice" not in one.message]
    assert problem.field == name
    assert f"did you mean {option!r}" in problem.remedy


@pytest.mark.parametrize("name", ["owner", "score", "team", "color", "input_name"])
def test_other_names_are_properties(config: Configuration, name: str) -> None:
    free: dict[str, Any] = {name: 1}
    node = config.configure_data_node("n", **free)
    config.configure_task("t", double, node, **free)
    config.configure_scenario("s", **free)
    config.configure_job_executions(**free)
    assert config.problems() == ()


@pytest.mark.parametrize(
    ("name", "kind", "option"),
    [
        ("Path", "DATA_NODE", "default_path"),
        ("KEY", "submit", "idempotency_key"),
        ("max_time", "submit", "run_timeout"),
        ("mdoe", "JOB", "mode"),
        ("owner", "JOB", None),
        (5, "JOB", None),
    ],
)
def test_the_option_that_was_meant(name: object, kind: str, option: str | None) -> None:
    assert option_like(name, kind, ("mode", "scope")) == option


@pytest.mark.parametrize(
    ("name", "kind", "place"),
    [
        ("run_timeout", "SCENARIO", "configure_task"),
        ("run_timeout", "TASK", None),
        ("run_timeout", "create_scenario", "configure_task"),
        ("skippable", "DATA_NODE", "configure_task"),
        ("keep_versions", "TASK", "configure_data_node"),
        ("default_data", "submit", "configure_data_node"),
        ("kill_grace", "TASK", "configure_job_executions"),
        ("mode", "SCENARIO", None),
        ("scope", "TASK", None),
        (5, "TASK", None),
        ("max_workers", "submit", "configure_job_executions"),
        ("retries", "submit", "configure_task"),
        ("retries", "TASK", None),
        ("cacheable", "DATA_NODE", "configure_task"),
        ("priority", "TASK", "submit"),
        ("priority", "SCENARIO", None),
        ("idempotency_key", "SCENARIO", "submit"),
        ("idempotency_key", "submit", None),
        ("path", "TASK", None),
    ],
)
def test_the_place_of_an_option(name: object, kind: str, place: str | None) -> None:
    assert place_of(name, kind) == place


def test_an_option_of_another_section_is_no_property(config: Configuration) -> None:
    config.configure_scenario("s", run_timeout=5)
    (problem,) = config.problems()
    assert problem.field == "run_timeout"
    assert "is an option of configure_task()" in problem.message


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("header", "has_header"),
    ],
)
def test_what_other_libraries_call_an_option_of_tables(
    config: Configuration, name: str, option: str
) -> None:
    free: dict[str, Any] = {name: ";"}
    config.configure_data_node("n", "csv", **free)
    (problem,) = config.problems()
    assert problem.field == name
    assert f"did you mean {option!r}?" in problem.remedy


@pytest.mark.parametrize("name", ["sep", "separator", "delimiter", "seperator"])
def test_a_separator_is_an_option_of_the_library(
    config: Configuration, name: str
) -> None:
    free: dict[str, Any] = {name: ";"}
    config.configure_data_node("n", "csv", **free)
    (problem,) = config.problems()
    assert problem.field == name
    assert "give read_options={'sep': ';'} and write_options=" in problem.remedy


def test_another_option_of_the_library(config: Configuration) -> None:
    free: dict[str, Any] = {"dtype": "str"}
    config.configure_data_node("n", "csv", **free)
    (problem,) = config.problems()
    assert problem.remedy == "give read_options={'dtype': ...}"


def test_a_separator_of_what_has_none_is_a_property(config: Configuration) -> None:
    free: dict[str, Any] = {"sep": ";"}
    config.configure_data_node("n", "pickle", **free)
    assert config.problems() == ()


def test_an_option_that_a_storage_type_has_not(config: Configuration) -> None:
    free: dict[str, Any] = {"default_path": "x"}
    config.configure_in_memory_data_node("n", **free)
    (problem,) = config.problems()
    assert str(problem) == (
        "[DATA_NODE.n.default_path] data nodes of this storage type have no "
        "default_path; leave it out, or choose another storage type"
    )


def test_an_argument_of_the_orchestrator_is_no_property(config: Configuration) -> None:
    config.configure_core(store="runs.db")
    config.configure_job_executions(database_url="runs.db")
    config.configure_scenario("s", store="Berlin")
    said = [(one.section, one.message) for one in config.problems()]
    message = "this is an option of Orchestrator(), and here it would do nothing"
    assert said == [("JOB", message), ("CORE", message)]


@pytest.mark.parametrize("name", ["drain_tmeout", "shutdown_grce", "max_worker"])
def test_what_is_almost_an_option_of_the_jobs_is_none_of_the_core(
    config: Configuration, name: str
) -> None:
    free: dict[str, Any] = {name: 1}
    config.configure_core(**free)
    (problem,) = config.problems()
    assert "looks like an option of configure_job_executions()" in problem.message


@pytest.mark.parametrize("name", ["read_entity_retry", "storage_folder"])
def test_keys_of_taipy_have_their_section(config: Configuration, name: str) -> None:
    free: dict[str, Any] = {name: 1}
    config.configure_core(**free)
    assert config.problems() == ()
    config.configure_job_executions(**free)
    (problem,) = config.problems()
    assert "looks like an option of configure_core()" in problem.message


@pytest.mark.parametrize("kind", ["task", "scenario"])
def test_a_data_nodes_name_is_no_property(config: Configuration, kind: str) -> None:
    node = config.configure_data_node("rate")
    value: dict[str, Any] = {"rate": 3}
    task = config.configure_task("t", double, node, **(value if kind == "task" else {}))
    config.configure_scenario("s", task, **(value if kind == "scenario" else {}))
    (problem,) = config.problems()
    assert problem.field == "rate"
    assert "'rate' is a data node" in problem.message


def test_each_other_name_stands_for_an_option() -> None:
    """A name that is an option itself would be refused as a misspelt one."""
    kinds = (DataNodeConfig, TaskConfig, ScenarioConfig, JobConfig, CoreConfig)
    for kind, section in zip(
        ("DATA_NODE", "TASK", "SCENARIO", "JOB", "CORE"), kinds, strict=True
    ):
        assert set(OTHER_NAMES[kind].values()) <= set(names_of(section))
        assert not set(OTHER_NAMES[kind]) & set(names_of(section))


@pytest.mark.parametrize(
    ("name", "node"),
    [
        ("soruce", "source"),
        ("Source", "source"),
        ("sourse", "source"),
        ("sources", None),
        ("sourc", None),
        ("source_", "source"),
        ("other", None),
        ("nbb", "nb"),
        ("nv", "nb"),
        ("bn", "nb"),
        ("nb_", "nb"),
        ("nbs", None),  # a plural, and others of a row
        ("nb2", None),
        ("n", None),
        ("id", None),
    ],
)
def test_the_data_node_that_was_meant(name: str, node: str | None) -> None:
    assert node_like(name, ["source", "result", "nb"]) == node


def test_letters_that_have_changed_places() -> None:
    assert spelled_like("ab", ["ba"]) is None
    assert spelled_like("abc", ["bac"]) == "bac"
    assert spelled_like("abc", ["cba"]) is None
    assert spelled_like("ABC", ["abc"]) == "abc"


def test_an_option_of_one_storage_type_counts_where_it_is_given() -> None:
    assert list(problems("DATA_NODE.n", "DATA_NODE", {"delimeter": 1})) == []
    (problem,) = problems("DATA_NODE.n", "DATA_NODE", {"delimeter": 1}, ("delimiter",))
    assert (problem.section, problem.field) == ("DATA_NODE.n", "delimeter")
    assert "did you mean 'delimiter'?" in problem.remedy


def test_a_name_that_begins_as_options_do_is_no_property(config: Configuration) -> None:
    config.configure_s3_object_data_node(
        "a", aws_s3_bucket_name="b", aws_s3_object_key="k", aws_profile="mine"
    )
    config.configure_csv_data_node("c", "c.csv", read_by="Ann", awsome=1)
    (problem,) = config.problems()
    assert (problem.section, problem.field) == ("DATA_NODE.a", "aws_profile")
    assert "aws_region, aws_s3_endpoint_url" in str(problem.remedy)
