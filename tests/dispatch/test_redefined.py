"""Functions that a session has defined anew, while a task has the one of before."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

import pytest

from asyncflow import Configuration, Orchestrator
from asyncflow.dispatch.redefined import redefined, renew
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
    assert redefined(first) is None
    second = define(functools.cache(lambda x: x))
    assert redefined(first) is second
    assert redefined(second) is None


def test_a_task_that_was_decorated_anew_is_another(
    define: Define, config: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = config.task(id="step")(define(lambda x: x))
    monkeypatch.setattr(sys.modules["__main__"], "cell_step", first)
    assert redefined(first.function) is None
    second = config.task(id="step")(define(lambda x: 2 * x))
    monkeypatch.setattr(sys.modules["__main__"], "cell_step", second)
    assert redefined(first.function) is second.function
    assert redefined(second.function) is None


@pytest.mark.parametrize("function", [flows.double, len, functools.partial(len), 5])
def test_what_no_session_has_defined_is_no_other(function: object) -> None:
    assert redefined(function) is None


def test_a_name_that_is_gone_or_is_something_else_is_no_other(
    define: Define, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = define(lambda x: x)
    monkeypatch.setattr(sys.modules["__main__"], "cell_step", 5, raising=False)
    assert redefined(first) is None
    monkeypatch.delattr(sys.modules["__main__"], "cell_step")
    assert redefined(first) is None


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


def of_cell(number: int, function: Any) -> Any:
    """Have a function be one of a cell of a notebook."""
    function.__code__ = function.__code__.replace(co_filename=f"<cell {number}>")
    return function


@pytest.mark.anyio
async def test_what_a_later_cell_defines_counts_for_new_scenarios(
    config: Configuration,
    caplog: pytest.LogCaptureFixture,
    define: Define,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    config.configure_job_executions("development")
    source = config.configure_data_node("source", default_data=1)
    target = config.configure_data_node("target")
    first = define(of_cell(1, lambda x: x + 1))
    task = config.configure_task("task", first, source, target, True, retry=3, team="b")
    cfg = config.configure_scenario("scenario", task, sequences={"only": [task]})

    async with Orchestrator(config, ":memory:") as orchestrator:
        before = await orchestrator.create_scenario(cfg)
        second = define(of_cell(2, lambda x: x + 2))
        after = await orchestrator.create_scenario(cfg)
        by_name = await orchestrator.create_scenario("scenario")

        for scenario, value in ((before, 2), (after, 3), (by_name, 3)):
            await scenario.submit()
            assert await scenario["target"].read() == value

        assert after.sequences["only"].tasks == after.tasks

    assert logger.wait(10)
    assert len(caplog.messages) == 2
    assert "as it is defined now" in caplog.messages[0]
    assert "'scenario' was declared anew since" in caplog.messages[1]

    declared = config.tasks["task"]
    assert declared.function is second
    assert declared.skippable
    assert declared.retry == task.retry
    assert dict(declared.properties) == {"team": "b"}
    assert declared.input == (source,)


def test_what_another_task_calls_is_no_new_form(
    config: Configuration, define: Define
) -> None:
    first = define(of_cell(1, lambda x: x))
    one = config.configure_task("one", first)
    other = config.configure_task("other", define(of_cell(2, lambda x: x)))
    renew(config, config.configure_scenario("scenario", [one, other]))
    assert config.tasks["one"].function is first


def test_what_the_same_text_defines_is_no_new_form(
    config: Configuration, define: Define
) -> None:
    first = define(of_cell(1, lambda x: x))
    one = config.configure_task("one", first)
    define(of_cell(1, lambda x: x + 1))
    renew(config, config.configure_scenario("scenario", one))
    assert config.tasks["one"].function is first
