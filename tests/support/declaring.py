"""Declarations for tests of the configuration, and what is wrong with them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from asyncflow.config import Configuration, JobConfig, Scope, TaskConfig
from asyncflow.config.dag import Dag
from asyncflow.config.section import names_of
from asyncflow.errors import ConfigError
from tests.support import flows


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


Row = tuple[str, str, str]
"""Section, field, and a piece of the message or remedy."""


DAY = timedelta(days=1)


LOCK = threading.Lock()


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


Declare = Callable[[Configuration], object]


def in_mode(mode: str, declare: Declare) -> Declare:
    """Declare in a mode, whatever else is said of how jobs are executed."""

    def declare_all(config: Configuration) -> None:
        declare(config)
        given = {name: getattr(config.job_config, name) for name in names_of(JobConfig)}
        config.configure_job_executions(**{**given, "mode": mode})

    return declare_all


def check_refused(config: Configuration, declare: Declare, rows: list[Row]) -> None:
    """Assert that what is declared has these problems, and can be looked at and cleared."""
    declare(config)

    with pytest.raises(ConfigError) as caught:
        config.check()

    problems = caught.value.problems
    found = [(each.section, each.field) for each in problems]
    assert found == [row[:2] for row in rows]

    for problem, (_, _, piece) in zip(problems, rows, strict=True):
        assert piece in str(problem)
        assert problem.message
        assert problem.remedy

    sections = [*config.data_nodes.values(), *config.tasks.values()]
    assert all(repr(section) for section in [*sections, config.job_config])
    config.clear()
    assert config.problems() == ()


def diamond(config: Configuration) -> Dag:
    """Declare ``a`` -> ``left``, ``right`` -> ``c``; ``right`` reads a shared node."""
    node = config.configure_data_node
    source, shared = node("source", default_data=1), node("shared", scope=Scope.GLOBAL)
    a, b, c, d = (node(name) for name in "abcd")
    tasks = [
        config.configure_task("join", flows.add, [b, c], d),
        config.configure_task("left", flows.identity, a, b),
        config.configure_task("right", flows.add, [a, shared], c, needs={"gpu": 1}),
        config.configure_task("start", flows.double, source, a),
    ]
    config.configure_scenario("diamond", tasks, sequences={"first": tasks[3:]})
    return Dag.of(tasks)
