"""Jobs run what a module has now in the place of a function of then."""

from __future__ import annotations

import functools
import importlib
import pickle
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from asyncflow import Orchestrator, Status
from asyncflow.worker.codec import dumps_code
from asyncflow.worker.reloaded import newest, renewed
from tests.support.flows import configuration, single

TEXT = """
import functools

def wrapped(function):
    @functools.wraps(function)
    def wrapper(x):
        return function(x)
    return wrapper

def step(x):
    return {0!r}

@functools.lru_cache
def cached(x):
    return {0!r}

@wrapped
def inside(x):
    return {0!r}

def twice(x):
    return "first " + {0!r}

first = twice

def twice(x):
    return "second " + {0!r}

async def awaited(x):
    return {0!r}

class Steps:
    @classmethod
    def of_class(cls, x):
        return {0!r}

    @staticmethod
    def static(x):
        return {0!r}

    def method(self, x):
        return {0!r}

class More(Steps):
    pass
"""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    path = tmp_path / "reloaded_steps.py"
    path.write_text(TEXT.format("one"))
    yield path
    sys.modules.pop("reloaded_steps", None)


def load() -> ModuleType:
    return importlib.import_module("reloaded_steps")


def load_anew(path: Path, what: str) -> None:
    path.write_text("\n" * len(what) + TEXT.format(what))
    importlib.reload(load())


@pytest.mark.parametrize("name", ["step", "cached", "inside", "twice"])
def test_what_a_function_is_after_a_reload(path: Path, name: str) -> None:
    before = getattr(load(), name)
    assert newest(before) is before

    load_anew(path, "another")
    assert newest(before) is getattr(load(), name)


def test_what_a_method_is_after_a_reload(path: Path) -> None:
    module = load()
    own, more = module.Steps.of_class, module.More.of_class
    method = module.Steps().method
    made = functools.partial(functools.partial(module.Steps.static), 1)
    assert (renewed(own), renewed(made)) == (own, made)

    load_anew(path, "another")
    assert (renewed(own)(1), renewed(more)(1), renewed(made)()) == ("another",) * 3
    assert renewed(method) is method  # its object is of the class of then


def test_what_a_module_defines_twice_stays_what_it_is(path: Path) -> None:
    first = load().first
    assert newest(first) is first


def test_a_function_that_was_replaced_by_hand_stays_what_it_is(path: Path) -> None:
    step = load().step
    vars(load())["step"] = lambda x: x
    assert newest(step) is step


def shouting(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def shout(x: object) -> str:
        return f"{function(x)}!"

    return shout


class Shouting:
    def __init__(self, function: Callable[..., Any]) -> None:
        functools.update_wrapper(self, function)
        self.function = function

    def __call__(self, x: object) -> str:
        return f"{self.function(x)}!"


DECORATORS = [shouting, Shouting, lambda function: load().wrapped(shouting(function))]


@pytest.mark.parametrize("decorate", DECORATORS)
@pytest.mark.parametrize("name", ["step", "cached", "inside"])
def test_what_somebody_else_wraps_is_never_what_the_module_has(
    path: Path, name: str, decorate: Callable[..., Any]
) -> None:
    made = decorate(getattr(load(), name))
    assert newest(made) is made
    assert pickle.loads(dumps_code(made))(1) == "one!"

    load_anew(path, "another")
    assert newest(made) is made


@pytest.mark.anyio
@pytest.mark.parametrize("executor", ["process", "thread"])
@pytest.mark.parametrize("decorate", DECORATORS)
async def test_a_job_runs_what_somebody_else_wraps(
    path: Path, decorate: Callable[..., Any], executor: str
) -> None:
    config = configuration(workers=1)
    cfg = single(config, decorate(load().step), executor=executor)

    async with Orchestrator(config, ":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.submit()
        assert await scenario.result.read() == "one!"


def itself(function: Callable[..., Any]) -> Callable[..., Any]:
    return function


@pytest.mark.anyio
@pytest.mark.parametrize("made", [itself, functools.partial])
async def test_a_task_that_was_declared_before_a_reload(
    path: Path, made: Callable[..., Any]
) -> None:
    config = configuration(workers=1)
    cfg = single(config, made(load().step), skippable=True, storage_type="pickle")
    load_anew(path, "another")

    async with Orchestrator(config, ":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.submit()
        assert await scenario.result.read() == "another"

        again = await scenario.submit()
        assert again.jobs[0].status is Status.SKIPPED

        load_anew(path, "a third")
        await scenario.submit()
        assert await scenario.result.read() == "a third"


@pytest.fixture
def before(path: Path) -> dict[str, Callable[..., Any]]:
    """Return what a program has declared its tasks with."""
    module = load()
    return {
        "step": module.step,
        "cached": module.cached,
        "made": functools.partial(module.step),
        "of_class": module.More.of_class,
        "static": module.Steps.static,
        "awaited": module.awaited,
    }


@pytest.mark.anyio
@pytest.mark.blocking_jobs
@pytest.mark.parametrize(
    ("mode", "executor"),
    [
        ("development", "process"),
        ("standalone", "thread"),
        ("standalone", "inline"),
        ("standalone", "process"),
    ],
)
@pytest.mark.parametrize("skippable", [False, True])
async def test_a_reload_counts_wherever_jobs_run(
    path: Path,
    before: dict[str, Callable[..., Any]],
    mode: str,
    executor: str,
    skippable: bool,
) -> None:
    config = configuration(mode, workers=1)
    source = config.configure_data_node("source", default_data=1)
    tasks = [
        config.configure_task(
            f"do_{name}",
            function,
            source,
            config.configure_data_node(name),
            skippable=skippable,
            executor="process" if name == "awaited" else executor,
        )
        for name, function in before.items()
    ]
    cfg = config.configure_scenario("all", tasks)

    async with Orchestrator(config, ":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.submit()
        assert {*await scenario.read(*before)} == {"one"}

        for what in ("another", "the third"):
            load_anew(path, what)
            await scenario.submit()
            assert {*await scenario.read(*before)} == {what}


@pytest.mark.anyio
@pytest.mark.blocking_jobs
async def test_a_reload_while_a_run_waits_concerns_later_runs(path: Path) -> None:
    config = configuration("development")
    cfg = single(config, load().step)

    async with Orchestrator(config, ":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        first = scenario.submit()
        load_anew(path, "another")
        await first
        await (second := scenario.submit())
        assert await first.read("result") == "one"
        assert await second.read("result") == "another"
