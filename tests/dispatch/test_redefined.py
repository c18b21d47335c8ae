"""Functions that a session has defined anew, while a task has the one of before."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

import pytest

from asyncflow import Configuration, Orchestrator
from asyncflow.dispatch.redefined import is_redefined
from asyncflow.log import logger
from tests.support import flows

Define = Callable[[Any], Any]


@pytest.fixture
def define(monkeypatch: pytest.MonkeyPatch) -> Define:
    """Give the main script a function, as a cell does."""

    def make(function: Any) -> Any:
        function.__module__, function.__qualname__ = "__main__", "cell_step"
        main = sys.modules["__main__"]
        monkeypatch.setattr(main, "cell_step", function, raising=False)
        return function

    return make


def test_what_has_the_name_now_is_another(define: Define) -> None:
    first = define(lambda x: x)
    assert not is_redefined(first)
    second = define(functools.cache(lambda x: x))
    assert is_redefined(first)
    assert not is_redefined(second)


def test_a_task_that_was_decorated_anew_is_another(
    define: Define, config: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = config.task(id="step")(define(lambda x: x))
    monkeypatch.setattr(sys.modules["__main__"], "cell_step", first)
    assert not is_redefined(first.function)
    second = config.task(id="step")(define(lambda x: 2 * x))
    monkeypatch.setattr(sys.modules["__main__"], "cell_step", second)
    assert is_redefined(first.function)
    assert not is_redefined(second.function)


@pytest.mark.parametrize("function", [flows.double, len, functools.partial(len), 5])
def test_what_no_session_has_defined_is_no_other(function: object) -> None:
    assert not is_redefined(function)


def test_a_name_that_is_gone_or_is_something_else_is_no_other(
    define: Define, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = define(lambda x: x)
    monkeypatch.setattr(sys.modules["__main__"], "cell_step", 5, raising=False)
    assert not is_redefined(first)
    monkeypatch.delattr(sys.modules["__main__"], "cell_step")
    assert not is_redefined(first)


@pytest.mark.anyio
@pytest.mark.parametrize("is_session", [True, False])
async def test_a_session_is_warned_once_of_each_task(
    config: Configuration,
    caplog: pytest.LogCaptureFixture,
    define: Define,
    monkeypatch: pytest.MonkeyPatch,
    is_session: bool,
) -> None:
    if is_session:
        monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)

    config.configure_job_executions("development")
    cfg = flows.single(config, define(lambda x: x))

    async with Orchestrator(config, ":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.submit()
        assert logger.wait(10)
        assert caplog.messages == []

        define(lambda x: x + 1)
        await scenario.submit()
        await scenario.submit()

    assert logger.wait(10)
    told = [text for text in caplog.messages if "`cell_step` as it was when" in text]
    assert len(told) == is_session
