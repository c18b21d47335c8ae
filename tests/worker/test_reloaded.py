"""Jobs run what a module has now in the place of a function of then."""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from asyncflow import Orchestrator, Status
from asyncflow.worker.reloaded import newest
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


def test_what_a_module_defines_twice_stays_what_it_is(path: Path) -> None:
    first = load().first
    assert newest(first) is first


def test_a_function_that_was_replaced_by_hand_stays_what_it_is(path: Path) -> None:
    step = load().step
    vars(load())["step"] = lambda x: x
    assert newest(step) is step


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
