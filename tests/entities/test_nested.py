"""Jobs that start runs and wait for them: they give up their slots meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
from anyio import fail_after, move_on_after

from asyncflow import Configuration, Orchestrator, Scenario, Submission
from tests.support import flows

pytestmark = pytest.mark.anyio

PATIENCE = 30

Wait = Callable[[Submission], Coroutine[Any, Any, object]]


async def awaited(run: Submission) -> None:
    await run


async def waited(run: Submission) -> None:
    await run.wait()


async def followed(run: Submission) -> None:
    async for _ in run:
        pass


@asynccontextmanager
async def parents(
    mode: str, count: int, wait: Wait, workers: int = 2
) -> AsyncIterator[tuple[Orchestrator, Scenario]]:
    """Give a scenario of so many jobs, each of which waits for a run of another."""
    config = Configuration()
    config.configure_job_executions(
        mode, workers if mode == "standalone" else None, echo=False
    )
    inner = flows.single(config, flows.double, 21)

    async def parent(_: int) -> object:
        child = await orchestrator.create_scenario(inner)
        await wait(child.submit())
        return await child.result.read()

    start = config.configure_data_node("start", default_data=1)
    tasks = [
        config.configure_task(
            f"t{i}", parent, start, config.configure_data_node(f"n{i}")
        )
        for i in range(count)
    ]

    outer = config.configure_scenario("outer", tasks)

    async with Orchestrator(config, ":memory:") as orchestrator:
        yield orchestrator, await orchestrator.create_scenario(outer)


@pytest.mark.parametrize("wait", [awaited, waited, followed])
@pytest.mark.parametrize("mode", ["development", "standalone"])
async def test_a_job_waits_for_a_run_that_it_has_started(mode: str, wait: Wait) -> None:
    async with parents(mode, 3, wait) as (orchestrator, scenario):
        limiter = orchestrator._opened().scheduler.limiter
        before = limiter.total_tokens

        with fail_after(PATIENCE):
            await scenario.submit()

        assert [await scenario[f"n{i}"].read() for i in range(3)] == [42] * 3
        assert limiter.total_tokens == before


async def test_the_number_of_workers_changes_meanwhile() -> None:
    async def wait(run: Submission) -> None:
        orchestrator.max_nb_of_workers = 1
        await run
        orchestrator.max_nb_of_workers = 3
        await run

    async with parents("standalone", 2, wait) as (orchestrator, scenario):
        with fail_after(PATIENCE):
            await scenario.submit()

        limiter = orchestrator._opened().scheduler.limiter
        assert limiter.total_tokens == orchestrator.max_nb_of_workers == 3


async def test_a_job_that_waits_for_its_own_run_is_told_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def wait(_: Submission) -> None:
        with move_on_after(0.01):
            await outer

    async with parents("development", 1, wait) as (_, scenario):
        outer = scenario.submit()

        with fail_after(PATIENCE):
            await outer

    (told,) = (text for text in caplog.messages if "of which it is a part" in text)
    assert outer.id in told
