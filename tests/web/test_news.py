"""What begins and ends, for many who wait for it."""

from __future__ import annotations

import pytest
from anyio import Event, create_task_group, fail_after, wait_all_tasks_blocked

from asyncflow import Orchestrator
from asyncflow.web.news import News
from tests.support import flows

pytestmark = pytest.mark.anyio


async def test_all_hear_of_a_run_also_when_the_first_has_gone(
    orchestrator: Orchestrator,
) -> None:
    config = flows.chain(orchestrator.config, flows.double)
    scenario = await orchestrator.create_scenario(config)
    news, leave, heard = News(), Event(), [Event(), Event()]

    async def first() -> None:
        async with news.of(orchestrator) as waiter:
            await waiter.wait()
            await leave.wait()

    async def other(place: int) -> None:
        async with news.of(orchestrator) as waiter:
            await waiter.wait()
            heard[place].set()

            while True:
                await waiter.wait()  # the first one goes
                if len(await orchestrator.submissions()) == 2:
                    return

    with fail_after(40):
        async with create_task_group() as group:
            group.start_soon(first)
            await wait_all_tasks_blocked()
            group.start_soon(other, 0)
            group.start_soon(other, 1)
            await wait_all_tasks_blocked()
            assert len(news) == 1
            await scenario.submit()

            for each in heard:
                await each.wait()

            leave.set()
            await wait_all_tasks_blocked()
            await scenario.submit()

    assert len(news) == 0
