"""``@task``: what a function tells of its task and its data nodes."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, assert_type, get_overloads

import pytest
from anyio import to_thread

import asyncflow
from asyncflow import (
    Config,
    ConfigError,
    Configuration,
    Orchestrator,
    Retry,
    Scope,
    TaskConfig,
    UsageError,
)
from asyncflow.config.task_function import agree
from asyncflow.testing import run_program
from tests.support.flows import configuration, statuses


@pytest.fixture
def config() -> Configuration:
    return Configuration()


def test_a_function_becomes_a_task(config: Configuration) -> None:
    @config.task(output="intermediate", skippable=True, retry=3, note="mine")
    def double(my_input: int = 21) -> int:
        return 2 * my_input

    assert isinstance(double, TaskConfig)
    assert config.tasks == {"double": double}
    assert (double.id, double.skippable, double.retry) == ("double", True, Retry(3))
    assert double.properties == {"note": "mine"}
    assert config.data_nodes["my_input"].default_data == 21
    assert double.input == (config.data_nodes["my_input"],)
    assert double.output == (config.data_nodes["intermediate"],)
    assert config.problems() == ()
    assert_type(double(4), int)
    assert double(4) == double(my_input=4) == 8
    assert inspect.signature(double) == inspect.signature(double.function)
    assert double.__name__ == "double"


def test_it_needs_no_options(config: Configuration) -> None:
    @config.task
    def show(text: str) -> None: ...

    @config.task()
    def again(text: str) -> None: ...

    for task in (show, again):
        assert task.input == (config.data_nodes["text"],)
        assert task.output == ()

    assert config.problems() == ()


def test_the_default_configuration_has_it_too() -> None:
    own = [*map(inspect.signature, get_overloads(Configuration.task))]
    of_default = [*map(inspect.signature, get_overloads(asyncflow.task))]

    for one, other in zip(own, of_default, strict=True):
        assert [*one.parameters.values()][1:] == [*other.parameters.values()]
        assert one.return_annotation == other.return_annotation

    before = {*Config.tasks}, {*Config.data_nodes}

    try:

        @asyncflow.task(output="y", skippable=True)
        def decorated(x: int) -> int:
            return x

        assert Config.tasks["decorated"] is decorated
        assert decorated.skippable
    finally:
        Config.clear()

    assert before == (set(), set())


def test_names_and_configs_say_what_is_read_and_written(config: Configuration) -> None:
    shared = config.configure_data_node("shared", scope=Scope.GLOBAL)

    @config.task(id="work", input=["first", shared], output=("a", shared))
    def function(one: int, two: int, *, note: str = "") -> tuple[int, str]:
        return one + two, note

    assert [node.id for node in function.input] == ["first", "shared"]
    assert [node.id for node in function.output] == ["a", "shared"]
    assert function.input[1] is shared
    assert function.id == "work"

    @config.task(input=["x", "y"], output="z")
    def anything(*values: int) -> int:
        return sum(values)

    assert [node.id for node in anything.input] == ["x", "y"]
    low = config.task(id="low", input="x", output="y")(min)
    assert low.function is min


def test_what_was_declared_is_used(config: Configuration) -> None:
    before = config.configure_data_node("before", "in_memory", default_data=1)
    config.configure_data_node("empty", keep_versions=5)

    @config.task(output="result")
    def work(before: int = 2, empty: int = 3, late: int = 4) -> int:
        return before + empty + late

    assert work.input[0] is before
    assert (work.input[1].keep_versions, work.input[1].default_data) == (5, 3)
    config.configure_data_node("late", "in_memory")
    config.configure_data_node("result", scope=Scope.GLOBAL)
    (task,) = config.tasks.values()
    assert (task.input[2].storage_type, task.input[2].default_data) == ("in_memory", 4)
    assert task.output[0].scope is Scope.GLOBAL
    assert config.problems() == ()


def test_one_name_is_one_data_node(config: Configuration) -> None:
    @config.task(output="total")
    def first(numbers: Sequence[int], rate: float = 0.5) -> float:
        return sum(numbers) * rate

    @config.task(output="shown")
    def second(total: Any, rate: int, numbers: list[int]) -> str:
        return f"{total} {rate} {numbers}"

    assert first.input[0] is second.input[2]
    assert second.input[1].default_data == 0.5
    assert config.problems() == ()


@pytest.mark.parametrize(
    ("kinds", "defaults", "match"),
    [
        ((int, str), (..., ...), "it is int for task 'a', and str for 'b'"),
        ((list[int], list[str]), (..., ...), r"it is list\[int\] for task 'a'"),
        ((int, int), (1, 2), "its default is 1 for task 'a', and 2 for 'b'"),
    ],
)
def test_what_functions_say_has_to_agree(
    config: Configuration, kinds: Any, defaults: Any, match: str
) -> None:
    def make(kind: Any, default: Any) -> Callable[..., Any]:
        if default is ...:

            def plain(value: Any) -> None: ...

            function: Any = plain
        else:

            def filled(value: Any = default) -> None: ...

            function = filled

        function.__annotations__ = {"value": kind}
        made: Callable[..., Any] = function
        return made

    for id_, kind, default in zip("ab", kinds, defaults, strict=True):
        config.task(id=id_)(make(kind, default))

    (problem,) = config.problems()
    assert problem.section == "DATA_NODE.value"

    with pytest.raises(ConfigError, match=match):
        config.check()

    config.task(id="b")(make(kinds[0], defaults[0]))
    assert [one for one in config.problems() if one.section == problem.section] == []


@pytest.mark.parametrize(
    ("one", "other", "do"),
    [
        (int, float, True),
        (int, Any, True),
        (int, object, True),
        (bool, str, False),
        (int | None, None, True),
        (int | None, str, False),
        (int | str, str | bytes, True),
        (list[int], Sequence[int], True),
        (list[int], list[Any], True),
        (dict[str, int], dict[str, str], False),
        (dict, dict[str, str], True),
        (Callable[[int], int], int, False),
        ("int", int, True),
    ],
)
def test_types_agree_where_a_value_may_be_of_both(
    one: object, other: object, do: bool
) -> None:
    assert agree(one, other) is agree(other, one) is do


def test_what_cannot_be_told_is_refused(config: Configuration) -> None:
    with pytest.raises(
        UsageError, match=r"@task cannot tell what the task of .* is call"
    ):
        config.task(lambda x: x)

    with pytest.raises(UsageError, match=r"takes any: name them, as in @task\(input="):

        @config.task
        def anything(*values: int) -> None: ...

    with pytest.raises(UsageError, match="parameter 'note' of task 'work' never has"):

        @config.task
        def work(value: int, *, note: str) -> None: ...

    with pytest.raises(TypeError, match=r"as in @task\(output='result'\)"):
        config.task("result")  # type: ignore[call-overload]  # a mistake

    with pytest.raises(TypeError, match="are ids or configs of data nodes; got 5"):
        config.task(output=5)(len)  # type: ignore[call-overload]  # a mistake

    assert config.tasks == {}


def test_a_misspelt_option_is_named(config: Configuration) -> None:
    @config.task(output="y", skipable=True)
    def work(x: int) -> int:
        return x

    (problem,) = config.problems()
    assert "did you mean 'skippable'" in problem.remedy


def test_at_a_prompt_the_latest_counts(
    config: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)

    def cell(factor: int, kind: Any) -> None:
        def work(x: Any = factor) -> Any:
            return x * factor

        work.__annotations__ = {"x": kind}
        config.task(output="y")(work)

    cell(2, int)
    cfg = config.configure_scenario("s", config.tasks["work"])
    cell(3, str)
    assert config.problems() == ()
    (task,) = config.resolve(cfg).task_configs
    assert (task.input[0].default_data, task.function(5)) == (3, 15)


def test_a_section_can_be_given_as_a_function(config: Configuration) -> None:
    @config.task
    def work(x: int) -> int:
        return x

    node = config.configure_data_node("z", default_data=1)
    other = config.configure_task("other", work, node)
    assert other.function is work.function


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ["development", "standalone"])
async def test_decorated_functions_run(mode: str) -> None:
    config = configuration(mode)

    @config.task(output="intermediate", skippable=True)
    def double(my_input: int = 21) -> int:
        return my_input * 2

    @config.task(output=["my_output", "note"], skippable=True)
    async def add(intermediate: int) -> tuple[int, str]:
        return intermediate + 10, "done"

    cfg = config.configure_scenario("my_scenario", [double, add])

    async with Orchestrator(config, store=":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.submit()
        assert await scenario.read("my_output", "note") == (52, "done")
        again = await scenario.submit()
        assert statuses(again.jobs) == ["SKIPPED"] * 2
        await scenario.submit(my_input=1)
        assert await scenario.my_output.read() == 12
        assert await add(1) == (11, "done")


MODULE = """
from asyncflow import task

counted = []

@task(output="intermediate", skippable=True)
def double(my_input: int = 21) -> int:
    counted.append(1)
    return my_input * 2

@task(output="direct")
def twice(intermediate: int) -> int:
    return double(intermediate)
"""

SCRIPT = """
import sys
import anyio
from asyncflow import Config, Orchestrator, task
from pipeline import double, twice

FACTOR = 10

@task(output="my_output", skippable=True)
def add(intermediate: int) -> int:
    import pipeline
    return helper(intermediate) + FACTOR, len(pipeline.counted), double(1), add.__name__

def helper(value):
    return value

Config.configure_job_executions("standalone", 1)

if len(sys.argv) > 1:
    Config.load("config.toml")

cfg = Config.configure_scenario("flow", [double, twice, add])

async def main():
    async with Orchestrator(store="runs.db") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg, name="one", exist_ok=True)
        run = await scenario.submit()
        print(await scenario.read("my_output", "direct"))
        print([str(job.status) for job in run.jobs])
        Config.export("config.toml")

anyio.run(main)
"""


@pytest.mark.smoke
@pytest.mark.anyio
async def test_decorated_functions_travel(tmp_path: Path) -> None:
    (tmp_path / "pipeline.py").write_text(MODULE, "utf-8")
    script = tmp_path / "program.py"
    script.write_text(SCRIPT, "utf-8")

    async def printed(*arguments: str) -> list[str]:
        done = await to_thread.run_sync(
            lambda: run_program(script, *arguments, folder=tmp_path)
        )
        assert done.returncode == 0, done.stderr
        assert not done.stderr
        return done.stdout.splitlines()

    first, statuses_ = await printed()
    assert first == "((52, 2, 2, 'add'), 84)"
    assert statuses_ == "['COMPLETED', 'COMPLETED', 'COMPLETED']"
    assert await printed("load") == [first, "['SKIPPED', 'COMPLETED', 'SKIPPED']"]
    script.write_text(SCRIPT.replace("return value", "return 1 + value"), "utf-8")
    assert await printed() == [
        first.replace("52, 2", "53, 1"),
        "['SKIPPED', 'COMPLETED', 'COMPLETED']",
    ]
