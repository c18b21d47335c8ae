"""Checks of all sections: every id, reference, graph and function."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from asyncflow.config import Configuration, DataNodeConfig
from asyncflow.errors import ConfigError
from tests.support.declaring import (
    DAY,
    LOCK,
    Declare,
    Row,
    add,
    chain,
    check_refused,
    closure_over,
    double,
    fetch,
    jobs,
    node,
    scenario,
    standalone,
    task,
)

STEPS = (nb for nb in range(3))
"""Cannot be pickled, and has nothing that a worker could have of its own instead."""


def locking(nb: int) -> int:
    with LOCK:
        return nb


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


def input_twice(config: Configuration) -> None:
    a = config.configure_data_node("a")
    config.configure_task("t", double, [a, a])


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


def options_of_a_process(config: Configuration) -> None:
    config.configure_job_executions("standalone")
    held: dict[str, Any] = {"read_fct": len, "read_fct_args": [LOCK]}
    read, alone = (
        config.configure_data_node(name, "generic", **held) for name in ("n", "alone")
    )
    end = config.configure_data_node("end")
    one = config.configure_task("one", len, read, end)
    other = config.configure_task("other", len, alone, executor="thread")
    config.configure_scenario("s", [one, other])


BAD: dict[str, tuple[Declare, list[Row]]] = {
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
    "scope": (node(scope="GLOBAL"), [("DATA_NODE.n", "scope", "Scope.GLOBAL")]),
    "default_data": (
        node(default_data={"lock": [LOCK]}),
        [("DATA_NODE.n", "default_data", "default_data['lock'][0] cannot be pickled")],
    ),
    "function": (task(function=5), [("TASK.t", "function", "5 cannot be called")]),
    "function_none": (task(function=None), [("TASK.t", "function", "parentheses")]),
    "function_unpicklable": (
        standalone(closure_over(STEPS)),
        [("TASK.t", "function", "inner.<closure thing> cannot be pickled")],
    ),
    "options_unpicklable": (
        options_of_a_process,
        [("DATA_NODE.n", "read_fct_args", "read_fct_args[0] cannot be pickled")],
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
    "input_twice": (input_twice, [("TASK.t", "input", "'a' is there 2 times")]),
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
    "misnamed_input": (task(inputs=[]), [("TASK.t", "inputs", "call it input")]),
    "misnamed_tasks": (
        scenario(tasks=[]),
        [("SCENARIO.s", "tasks", "call it task_configs")],
    ),
}


@pytest.mark.parametrize(("declare", "rows"), BAD.values(), ids=BAD)
def test_check(config: Configuration, declare: Declare, rows: list[Row]) -> None:
    check_refused(config, declare, rows)


@pytest.mark.parametrize(
    "declare",
    [
        pytest.param(standalone(double), id="importable"),
        pytest.param(standalone(locking), id="importable_with_global_lock"),
        pytest.param(standalone(lambda: 1), id="lambda"),
        pytest.param(standalone(closure_over(STEPS), executor="thread"), id="thread"),
        pytest.param(standalone(closure_over(STEPS), executor="inline"), id="inline"),
        pytest.param(task(function=closure_over(STEPS)), id="development"),
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
def test_what_is_right_has_no_problem(config: Configuration, declare: Declare) -> None:
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


def test_everything_is_reported_at_once(config: Configuration) -> None:
    config.configure_data_node("a", default_data=1)
    config.configure_data_node("a", "pickel", "GLOBAL", default_data=LOCK)  # type: ignore[arg-type]  # that is what is tested
    config.configure_task("t", 5, 6, executor="gpu")  # type: ignore[arg-type]  # that is what is tested
    config.configure_scenario("s", 7)  # type: ignore[arg-type]  # that is what is tested
    config.configure_job_executions("clusters", 0)
    with pytest.raises(ConfigError, match="10 problems") as caught:
        config.check()

    assert len(str(caught.value).splitlines()) == 11
    assert "\n  - [TASK.t.executor] 'gpu' is not known; " in str(caught.value)
