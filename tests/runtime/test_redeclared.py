"""Scenario configs that were declared anew, while scenarios have those of before."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from asyncflow import Configuration, Orchestrator, Scenario, ScenarioConfig
from tests.support import flows

pytestmark = [pytest.mark.anyio, pytest.mark.blocking_jobs]


def plus_one(value: int) -> int:
    return value + 1


def declare(
    config: Configuration,
    function: Callable[..., object] = flows.double,
    default: object = 21,
    *,
    skippable: bool = False,
    more: int = 0,
) -> ScenarioConfig:
    source = config.configure_data_node("source", default_data=default)
    result = config.configure_data_node("result")
    task = config.configure_task("work", function, source, result, skippable=skippable)
    others = [config.configure_data_node(f"more_{number}") for number in range(more)]
    return config.configure_scenario("single", task, others)


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [line for line in caplog.messages if "declared anew" in line]


async def submit(scenario: Scenario) -> object:
    await scenario.submit()
    return await scenario.result.read()


async def test_who_submits_what_was_declared_anew_since_is_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    config = flows.configuration("development")

    async with Orchestrator(config, ":memory:") as orchestrator:
        old = await orchestrator.create_scenario(declare(config))
        assert await submit(old) == 42
        config.clear()
        cfg = declare(config, plus_one)
        new = await orchestrator.create_scenario(cfg)
        assert (await submit(new), said(caplog)) == (22, [])
        assert [await submit(old) for _ in range(3)] == [42] * 3

    (line,) = said(caplog)
    assert line.startswith(f"{old.id} runs as it was declared when it was created")
    assert "with another content (TASK.work.function)" in line


@pytest.mark.parametrize(
    ("again", "parts"),
    [
        (lambda config: declare(config, default=3), "DATA_NODE.source.default_data"),
        (lambda config: declare(config, skippable=True), "TASK.work.skippable"),
        (lambda config: declare(config, more=1), "DATA_NODE.more_0"),
    ],
)
async def test_the_part_that_is_another_is_named(
    caplog: pytest.LogCaptureFixture,
    again: Callable[[Configuration], ScenarioConfig],
    parts: str,
) -> None:
    config = flows.configuration("development")

    async with Orchestrator(config, ":memory:") as orchestrator:
        old = await orchestrator.create_scenario(declare(config))
        config.clear()
        again(config)
        await submit(old)

    (line,) = said(caplog)
    assert parts in line


async def test_the_same_again_is_no_other(caplog: pytest.LogCaptureFixture) -> None:
    config = flows.configuration("development")
    made = [lambda value: value + 1 for _ in range(2)]  # as a cell that is run again

    async with Orchestrator(config, ":memory:") as orchestrator:
        old = await orchestrator.create_scenario(declare(config, made[0]))
        config.clear()
        declare(config, made[1])
        await submit(old)
        config.configure_data_node("another")
        await submit(old)
        config.clear()
        flows.single(config, flows.double)
        await submit(old)

    assert len(said(caplog)) == 1  # that of `flows` is another


async def test_what_is_declared_no_more_is_left_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    config = flows.configuration("development")

    async with Orchestrator(config, ":memory:") as orchestrator:
        old = await orchestrator.create_scenario(declare(config))
        config.clear()
        await submit(old)

    assert said(caplog) == []
