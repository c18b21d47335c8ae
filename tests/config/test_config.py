"""Declaring: sections, what an id means when it is configured again, every check."""

from __future__ import annotations

import asyncio
import functools
import subprocess
import sys
import threading
import types
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asyncflow.config import Config, Configuration, DataNodeConfig, Scope, TaskConfig
from asyncflow.config.checks.names import NOT_AVAILABLE
from asyncflow.config.sections import NOT_GIVEN, same_value
from asyncflow.errors import ConfigError


def double(nb: int) -> int:
    return nb * 2


def add(nb: int) -> int:
    return nb + 10


async def fetch(nb: int) -> int:
    await asyncio.sleep(0)
    return nb


class Doubler:
    def __call__(self, nb: int) -> int:
        return nb * 2


class Fetcher:
    async def __call__(self, nb: int) -> int:
        return await fetch(nb)


def chain(config: Configuration) -> tuple[TaskConfig, TaskConfig]:
    first = config.configure_data_node("my_input", default_data=21)
    middle = config.configure_data_node("intermediate")
    last = config.configure_data_node("my_output")
    return (
        config.configure_task("double", double, first, middle),
        config.configure_task("add", add, middle, last),
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
    assert (jobs.echo, jobs.prewarm) == (True, False)
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


@pytest.mark.parametrize(
    ("function", "is_async"),
    [
        (double, False),
        (fetch, True),
        (functools.partial(fetch, 1), True),
        (functools.partial(functools.partial(Fetcher()), 1), True),
        (Fetcher(), True),
        (Fetcher, False),
        (Doubler(), False),
        (5, False),
    ],
    ids=["plain", "async", "partial", "nested", "call", "class", "plain-call", "5"],
)
def test_is_async(function: Any, is_async: bool) -> None:
    assert TaskConfig(id="t", function=function).is_async is is_async


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


def again(function: Any) -> types.FunctionType:
    """Define a function a second time, as executing its cell again does."""
    copy = types.FunctionType(
        function.__code__, function.__globals__, function.__name__
    )
    copy.__qualname__ = function.__qualname__
    return copy


class Hostile:
    def __eq__(self, other: object) -> bool:
        raise ValueError("never")

    __hash__ = None  # type: ignore[assignment]  # as arrays are


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        pytest.param(double, again(double), True, id="function"),
        pytest.param(double, add, False, id="functions"),
        pytest.param(lambda x: x, lambda x: x + 1, False, id="lambdas"),
        pytest.param(Doubler().__call__, Doubler().__call__, False, id="methods"),
        pytest.param(1, True, False, id="types"),
        pytest.param({"a": (1, [2])}, {"a": (1, [2])}, True, id="nested"),
        pytest.param({"a": (1, [2])}, {"a": (1, [3])}, False, id="nested_other"),
        pytest.param({"a": 1}, {"b": 1}, False, id="keys"),
        pytest.param((1,), (1, 2), False, id="lengths"),
        pytest.param(np.arange(3), np.arange(3), True, id="arrays"),
        pytest.param(Hostile(), Hostile(), True, id="hostile"),
        pytest.param(
            DataNodeConfig(id="a"), DataNodeConfig(id="a"), True, id="references"
        ),
    ],
)
def test_same_value(one: object, other: object, same: bool) -> None:
    assert same_value(one, other) is same
    assert same_value(one, one)


def test_same_content_is_of_one_kind() -> None:
    node = DataNodeConfig(id="a")
    assert node.same_content(DataNodeConfig(id="a"))
    assert not node.same_content(DataNodeConfig(id="a", scope=Scope.GLOBAL))
    assert not node.same_content(TaskConfig(id="a", function=double))


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


# ------------------------------------------------------------------------- the checks

Row = tuple[str, str, str]
"""Section, field, and a piece of the message or remedy."""

DAY = timedelta(days=1)
LOCK = threading.Lock()


def locking(nb: int) -> int:
    with LOCK:
        return nb


def closure_over(thing: object) -> Callable[[], object]:
    def inner() -> object:
        return thing

    return inner


def node(id: Any = "n", **options: Any) -> Callable[[Configuration], object]:
    return lambda config: config.configure_data_node(id, **options)


def task(id: Any = "t", function: Any = double, **options: Any) -> Any:
    return lambda config: config.configure_task(id, function, **options)


def jobs(**options: Any) -> Callable[[Configuration], object]:
    return lambda config: config.configure_job_executions(**options)


def standalone(function: Any, **options: Any) -> Callable[[Configuration], object]:
    def declare(config: Configuration) -> None:
        config.configure_job_executions("standalone")
        config.configure_task("t", function, **options)

    return declare


def scenario(**options: Any) -> Callable[[Configuration], object]:
    """Declare the chain, and a scenario of it with some options replaced."""

    def declare(config: Configuration) -> None:
        given = {"task_configs": chain(config), **options}
        config.configure_scenario("s", **given)

    return declare


def id_twice(config: Configuration) -> None:
    config.configure_data_node("a")
    config.configure_task("a", double)
    config.configure_scenario("a")


def add2(nb: int, other: int) -> int:
    return nb + other


def own_input(config: Configuration) -> None:
    a, b = config.configure_data_node("a"), config.configure_data_node("b")
    task = config.configure_task("t", add2, [a, b], a)
    config.configure_scenario("s", task)


def output_twice(config: Configuration) -> None:
    a = config.configure_data_node("a")
    config.configure_task("t", double, None, [a, a])


def two_writers(config: Configuration) -> None:
    a = config.configure_data_node("a")
    tasks = [config.configure_task(name, dict, None, a) for name in "tu"]
    config.configure_scenario("s", tasks)


def task_twice(config: Configuration) -> None:
    first, _ = chain(config)
    config.configure_scenario("s", [first, first])


def cycle(config: Configuration) -> None:
    first, last = chain(config)
    back = config.configure_task("back", add, last.output, first.input)
    start = config.configure_task(
        "start", dict, None, config.configure_data_node("unrelated")
    )
    config.configure_scenario("s", [start, first, last, back])


def foreign_node(config: Configuration) -> None:
    config.configure_data_node("a")
    config.configure_task("t", double, Configuration().configure_data_node("a"))


def unregistered_nodes(config: Configuration) -> None:
    config.configure_task("t", double, None, DataNodeConfig(id="a"))
    config.configure_scenario("s", None, DataNodeConfig(id="a"))


def foreign_task(config: Configuration) -> None:
    config.configure_scenario("s", chain(Configuration()))


def sequence_of_others(config: Configuration) -> None:
    first, last = chain(config)
    tasks: list[Any] = [first, last, 5]
    config.configure_scenario("s", first, sequences={"one": tasks})


def sequence_names(config: Configuration) -> None:
    first, _ = chain(config)
    names: list[Any] = ["my_input", "double", "1st", 5, "tasks", "fine"]
    config.configure_scenario("s", first, sequences=dict.fromkeys(names, first))


BAD: dict[str, tuple[Callable[[Configuration], object], list[Row]]] = {
    "id_no_identifier": (node("1st"), [("DATA_NODE.1st", "id", "identifier")]),
    "id_empty": (node(""), [("DATA_NODE.", "id", "''")]),
    "id_keyword": (task("class"), [("TASK.class", "id", "identifier")]),
    "id_underscore": (node("_a"), [("DATA_NODE._a", "id", "letter at the start")]),
    "id_no_string": (node(5), [("DATA_NODE.5", "id", "5 is not")]),
    "id_unhashable": (task([]), [("TASK.[]", "id", "[] is not")]),
    "id_of_two_kinds": (
        id_twice,
        [
            ("TASK.a", "id", "DATA_NODE.a"),
            ("SCENARIO.a", "id", "DATA_NODE.a"),
            ("SCENARIO.a", "id", "TASK.a"),
        ],
    ),
    "storage_type": (
        node(storage_type="pickel"),
        [("DATA_NODE.n", "storage_type", "did you mean 'pickle'? ")],
    ),
    "storage_type_no_string": (
        node(storage_type=[]),
        [("DATA_NODE.n", "storage_type", "choose one of 'pickle', 'in_memory'")],
    ),
    "scope": (node(scope="GLOBAL"), [("DATA_NODE.n", "scope", "Scope.GLOBAL")]),
    "path_no_path": (node(default_path=5), [("DATA_NODE.n", "default_path", "5")]),
    "path_empty": (node(default_path=""), [("DATA_NODE.n", "default_path", "path")]),
    "path_in_memory": (
        node(storage_type="in_memory", default_path="a.p"),
        [("DATA_NODE.n", "default_path", "'in_memory' data node has no file")],
    ),
    "period_type": (
        node(validity_period=60),
        [("DATA_NODE.n", "validity_period", "60 is not a period; give a datetime.ti")],
    ),
    "period_text": (
        node(validity_period="1d"),
        [("DATA_NODE.n", "validity_period", "'1d' is not a period")],
    ),
    "period_class": (
        node(validity_period=timedelta),
        [("DATA_NODE.n", "validity_period", "is not a period")],
    ),
    "period_nothing": (
        node(validity_period=timedelta()),
        [("DATA_NODE.n", "validity_period", "(0) is not more than nothing")],
    ),
    "period_negative": (
        node(validity_period=-DAY),
        [("DATA_NODE.n", "validity_period", "None for values that are valid for ever")],
    ),
    "versions_type": (
        node(keep_versions="2"),
        [("DATA_NODE.n", "keep_versions", "'2' is not an int from 0 to ")],
    ),
    "versions_none": (
        node(keep_versions=None),
        [("DATA_NODE.n", "keep_versions", "None is not an int")],
    ),
    "versions_bool": (
        node(keep_versions=True),
        [("DATA_NODE.n", "keep_versions", "True is not an int")],
    ),
    "versions_float": (
        node(keep_versions=2.0),
        [("DATA_NODE.n", "keep_versions", "2.0 is not an int")],
    ),
    "versions_negative": (
        node(keep_versions=-1),
        [("DATA_NODE.n", "keep_versions", "how many versions to keep beside the cur")],
    ),
    "versions_many": (
        node(keep_versions=10**30),
        [("DATA_NODE.n", "keep_versions", "000 is not an int from 0 to 1000000; ")],
    ),
    "versions_of_own_file": (
        node(default_path="a.p", keep_versions=2),
        [
            (
                "DATA_NODE.n",
                "keep_versions",
                "one version; leave it out, or leave default",
            )
        ],
    ),
    "no_versions_of_own_file": (
        node(default_path="a.p", keep_versions=0),
        [("DATA_NODE.n", "keep_versions", "a file of your own has one version")],
    ),
    "default_data": (
        node(default_data={"lock": [LOCK]}),
        [("DATA_NODE.n", "default_data", "default_data['lock'][0] cannot be pickled")],
    ),
    "function": (task(function=5), [("TASK.t", "function", "5 cannot be called")]),
    "function_none": (task(function=None), [("TASK.t", "function", "parentheses")]),
    "function_unpicklable": (
        standalone(closure_over(LOCK)),
        [("TASK.t", "function", "inner.<closure thing> cannot be pickled")],
    ),
    "executor": (task(executor="proces"), [("TASK.t", "executor", "'process'?")]),
    "on_restart": (
        task(on_restart="fial"),
        [
            (
                "TASK.t",
                "on_restart",
                "did you mean 'fail'? choose one of 'rerun', 'fail'",
            )
        ],
    ),
    "on_restart_type": (
        task(on_restart=True),
        [("TASK.t", "on_restart", "True is not known")],
    ),
    "on_restart_none": (
        task(on_restart=None),
        [("TASK.t", "on_restart", "None is not known")],
    ),
    "async_in_thread": (
        task(function=fetch, executor="thread"),
        [("TASK.t", "executor", "async def")],
    ),
    "skippable": (
        task(skippable="no"),
        [("TASK.t", "skippable", "'no' is not a bool")],
    ),
    "input": (task(input=["a"]), [("TASK.t", "input", "configure_data_node returned")]),
    "input_string": (task(input="ab"), [("TASK.t", "input", "'ab' is not a Data")]),
    "output": (task(output=5), [("TASK.t", "output", "5 is not a DataNodeConfig")]),
    "output_twice": (output_twice, [("TASK.t", "output", "'a' is there 2 times")]),
    "own_input": (own_input, [("TASK.t", "output", "reads the data node 'a'")]),
    "foreign_node": (
        foreign_node,
        [("TASK.t", "input", "DATA_NODE.a is not a section")],
    ),
    "unregistered_nodes": (
        unregistered_nodes,
        [
            ("TASK.t", "output", "configure it on the Configuration"),
            ("SCENARIO.s", "additional_data_node_configs", "not a section of this"),
        ],
    ),
    "foreign_task": (
        foreign_task,
        [
            ("SCENARIO.s", "task_configs", f"TASK.{name} is not")
            for name in ("double", "add")
        ],
    ),
    "task_configs": (
        scenario(task_configs=double),
        [("SCENARIO.s", "task_configs", "configure_task returned")],
    ),
    "task_configs_node": (
        scenario(task_configs=DataNodeConfig(id="a")),
        [("SCENARIO.s", "task_configs", "DATA_NODE.a is not a TaskConfig")],
    ),
    "task_twice": (task_twice, [("SCENARIO.s", "task_configs", "'double' is there 2")]),
    "two_writers": (
        two_writers,
        [("SCENARIO.s", "task_configs", "'t' and 'u' both write 'a'")],
    ),
    "cycle": (
        cycle,
        [
            (
                "SCENARIO.s",
                "task_configs",
                "double -> intermediate -> add -> my_output -> back -> my_input -> d",
            )
        ],
    ),
    "additional": (
        scenario(additional_data_node_configs=[5]),
        [("SCENARIO.s", "additional_data_node_configs", "5 is not a DataNodeConfig")],
    ),
    "sequences": (scenario(sequences=5), [("SCENARIO.s", "sequences", "5 does not")]),
    "sequence_tasks": (
        sequence_of_others,
        [
            ("SCENARIO.s", "sequences", "one: TASK.add is not a task of the scenario"),
            ("SCENARIO.s", "sequences", "one: 5 is not a task of the scenario"),
        ],
    ),
    "sequence_names": (
        sequence_names,
        [
            ("SCENARIO.s", "sequences", "'my_input' is also"),
            ("SCENARIO.s", "sequences", "'double' is also"),
            ("SCENARIO.s", "sequences", "'1st' is not"),
            ("SCENARIO.s", "sequences", "5 is not"),
        ],
    ),
    "mode": (jobs(mode="standalon"), [("JOB", "mode", "did you mean 'standalone'")]),
    "mode_cluster": (jobs(mode="cluster"), [("JOB", "mode", "not available in this")]),
    "mode_no_string": (jobs(mode=5), [("JOB", "mode", "5 is not known")]),
    "workers_bool": (
        jobs(max_nb_of_workers=True),
        [("JOB", "max_nb_of_workers", "True is not an int from 1 to 1024")],
    ),
    "workers_float": (
        jobs(max_nb_of_workers=2.0),
        [("JOB", "max_nb_of_workers", "2.0")],
    ),
    "workers_none": (jobs(max_nb_of_workers=0), [("JOB", "max_nb_of_workers", "0 is")]),
    "workers_many": (
        jobs(max_nb_of_workers=1025),
        [("JOB", "max_nb_of_workers", "1025 is not")],
    ),
    "echo": (jobs(echo=1), [("JOB", "echo", "1 is not a bool")]),
    "prewarm": (jobs(prewarm=None), [("JOB", "prewarm", "None is not a bool")]),
    "misnamed_input": (task(inputs=[]), [("TASK.t", "inputs", "call it input")]),
    "misnamed_tasks": (
        scenario(tasks=[]),
        [("SCENARIO.s", "tasks", "call it task_configs")],
    ),
}


@pytest.mark.parametrize(("declare", "rows"), BAD.values(), ids=BAD)
def test_check(
    config: Configuration, declare: Callable[[Configuration], object], rows: list[Row]
) -> None:
    declare(config)
    with pytest.raises(ConfigError) as caught:
        config.check()

    problems = caught.value.problems
    assert [(each.section, each.field) for each in problems] == [
        row[:2] for row in rows
    ]
    for problem, (_, _, piece) in zip(problems, rows, strict=True):
        assert piece in str(problem)
        assert problem.message
        assert problem.remedy


@pytest.mark.parametrize(
    "kind", [kind for kind, names in NOT_AVAILABLE.items() if names]
)
def test_options_to_come_are_refused(config: Configuration, kind: str) -> None:
    configure: dict[str, Callable[..., object]] = {
        "DATA_NODE": functools.partial(config.configure_data_node, "n"),
        "TASK": functools.partial(config.configure_task, "t", double),
        "SCENARIO": functools.partial(config.configure_scenario, "s"),
        "JOB": config.configure_job_executions,
    }
    configure[kind](**dict.fromkeys(NOT_AVAILABLE[kind], 1), mine=2)
    problems = config.problems()
    assert {problem.field for problem in problems} == NOT_AVAILABLE[kind]
    assert {problem.remedy for problem in problems} == {"leave it out"}


TYPOS = [
    ("DATA_NODE", "keep_version", "keep_versions"),
    ("DATA_NODE", "defualt_data", "default_data"),
    ("DATA_NODE", "path", "default_path"),
    ("TASK", "skipable", "skippable"),
    ("TASK", "timeout", "run_timeout"),
    ("TASK", "retries", "retry"),
    ("TASK", "runTimeout", "run_timeout"),
    ("SCENARIO", "sequence", "sequences"),
    ("JOB", "max_workers", "max_nb_of_workers"),
    ("JOB", "nb_of_workers", "max_nb_of_workers"),
    ("JOB", "kill_grce", "kill_grace"),
    ("JOB", "moed", "mode"),
    ("TASK", "nedes", "needs"),
    ("DATA_NODE", "scpoe", "scope"),
]


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


def none_of_all() -> list[int]:
    return []


def yields() -> Iterator[int]:
    yield 1


async def yields_later() -> AsyncIterator[int]:
    yield 1


def three(left: int, right: int, how: str) -> None:
    """Need three inputs."""


@pytest.mark.parametrize(
    ("function", "inputs", "piece"),
    [
        (three, 2, "three(left, right, how) cannot be called with 2 inputs"),
        (three, 4, "too many positional arguments"),
        (none_of_all, 1, "none_of_all() cannot be called with 1 input ("),
        (functools.partial(three, 1), 1, "missing a required argument: 'how'"),
        (functools.partial(three, how="x"), 3, "cannot be called with 3 inputs"),
        (lambda *, key: key, 0, "(missing a required "),
        (yields, 0, "yields: its call would give"),
        (yields_later, 0, "yields_later yields"),
        (functools.partial(yields), 0, "yields: its call"),
    ],
    ids=["few", "many", "none", "partial", "keyword", "key", "gen", "agen", "part"],
)
def test_a_function_takes_its_inputs(
    config: Configuration, function: Callable[..., object], inputs: int, piece: str
) -> None:
    nodes = [config.configure_data_node(f"n{number}") for number in range(inputs)]
    config.configure_scenario("s", config.configure_task("t", function, nodes))
    (problem,) = config.problems()
    assert problem.section == "TASK.t"
    assert piece in problem.message


@pytest.mark.parametrize(
    ("function", "inputs"),
    [
        (three, 3),
        (functools.partial(three, how="x"), 2),
        (lambda *values: values, 5),
        (lambda one, two=2: one, 1),
        (dict, 0),
        (max, 2),
        (str.upper, 1),
    ],
    ids=["three", "partial", "all", "default", "class", "builtin", "method"],
)
def test_what_can_be_called_is_fine(
    config: Configuration, function: Callable[..., object], inputs: int
) -> None:
    nodes = [config.configure_data_node(f"n{number}") for number in range(inputs)]
    config.configure_scenario("s", config.configure_task("t", function, nodes))
    assert config.problems() == ()


def test_everything_is_reported_at_once(config: Configuration) -> None:
    config.configure_data_node("a", default_data=1)
    config.configure_data_node("a", "pickel", "GLOBAL", default_data=LOCK)  # type: ignore[arg-type]  # that is what is tested
    config.configure_task("t", 5, 6, executor="gpu")  # type: ignore[arg-type]  # that is what is tested
    config.configure_scenario("s", 7)  # type: ignore[arg-type]  # that is what is tested
    config.configure_job_executions("cluster", 0)
    with pytest.raises(ConfigError, match="10 problems") as caught:
        config.check()

    assert len(str(caught.value).splitlines()) == 11
    assert "\n  - [TASK.t.executor] 'gpu' is not known; " in str(caught.value)


@pytest.mark.parametrize("declare", [row[0] for row in BAD.values()], ids=BAD)
def test_what_is_wrong_is_still_there_to_look_at(
    config: Configuration, declare: Callable[[Configuration], object]
) -> None:
    declare(config)
    sections = [*config.data_nodes.values(), *config.tasks.values()]
    assert all(repr(section) for section in [*sections, config.job_config])
    config.clear()
    assert config.problems() == ()


@pytest.mark.parametrize(
    "declare",
    [
        pytest.param(standalone(double), id="importable"),
        pytest.param(standalone(locking), id="importable_with_global_lock"),
        pytest.param(standalone(lambda: 1), id="lambda"),
        pytest.param(standalone(closure_over(LOCK), executor="thread"), id="thread"),
        pytest.param(standalone(closure_over(LOCK), executor="inline"), id="inline"),
        pytest.param(task(function=closure_over(LOCK)), id="development"),
        pytest.param(standalone(fetch), id="async"),
        pytest.param(task(function=fetch, executor="inline"), id="async_inline"),
        pytest.param(jobs(mode="standalone", max_nb_of_workers=1024), id="workers"),
        pytest.param(node(default_data=np.arange(3)), id="array"),
        pytest.param(node(keep_versions=0), id="no_versions"),
        pytest.param(node(keep_versions=1_000_000), id="many_versions"),
        pytest.param(node(default_path="a.p", keep_versions=1), id="own_file"),
        pytest.param(node(default_path="a.p", validity_period=DAY), id="own_period"),
        pytest.param(node(validity_period=timedelta.resolution), id="short_period"),
        pytest.param(node(validity_period=timedelta.max), id="long_period"),
        pytest.param(task(on_restart="rerun"), id="rerun"),
        pytest.param(scenario(), id="chain"),
        pytest.param(scenario(additional_data_node_configs=()), id="nothing_more"),
    ],
)
def test_what_is_right_has_no_problem(
    config: Configuration, declare: Callable[[Configuration], object]
) -> None:
    declare(config)
    assert config.problems() == ()


@pytest.mark.parametrize(
    ("field", "declare"),
    [
        ("validity_period", node("a", validity_period=DAY)),
        ("keep_versions", node("a", keep_versions=2)),
        ("on_restart", task("a", on_restart="fail")),
    ],
)
def test_other_options_are_other_content(
    config: Configuration, field: str, declare: Callable[[Configuration], object]
) -> None:
    plain = task("a") if field == "on_restart" else node("a")
    declare(config)
    plain(config)
    assert [problem.field for problem in config.problems()] == [field]

    config.clear()
    declare(config)
    declare(config)
    assert config.problems() == ()


def test_each_function_is_pickled_once(config: Configuration) -> None:
    class Counting:
        pickled = 0

        def __call__(self) -> None: ...

        def __reduce__(self) -> Any:
            type(self).pickled += 1
            return (Counting, ())

    function = Counting()
    config.configure_job_executions("standalone")
    config.configure_task("t", function)
    config.problems()
    once = Counting.pickled
    assert once

    config.configure_task("u", function)
    config.problems()
    assert Counting.pickled == 2 * once
