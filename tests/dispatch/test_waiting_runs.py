"""Runs of which it is not known yet whether they are ours."""

from __future__ import annotations

import pytest
from anyio import create_task_group
from anyio.lowlevel import checkpoint

from asyncflow.dispatch.waiting_runs import WaitingRuns
from asyncflow.plan.graph import Graph


@pytest.fixture
def waiting() -> WaitingRuns:
    found = WaitingRuns()
    found.add(
        3,
        Graph(
            successors=[[]], predecessors=[0], reads=[["source"]], writes=[["result"]]
        ),
    )
    return found


def test_one_is_taken_once(waiting: WaitingRuns) -> None:
    waiting.cancel(3, 0, "changed my mind")
    taken = waiting.take(3)
    assert taken is not None
    assert taken.canceled == [(0, "changed my mind")]
    assert waiting.take(3) is None
    assert 3 not in waiting


def test_it_is_known_what_they_will_write(waiting: WaitingRuns) -> None:
    assert waiting.will_write("result")
    assert not waiting.will_write("source")
    waiting.take(3)
    assert not waiting.will_write("result")


@pytest.mark.anyio
@pytest.mark.parametrize("end", ["take", "give up"])
async def test_who_waits_goes_on_once_it_is_known(
    waiting: WaitingRuns, end: str
) -> None:
    passed: list[int] = []

    async def wait() -> None:
        await waiting.until_begun(3)
        passed.append(3)

    async with create_task_group() as group:
        group.start_soon(wait)
        await checkpoint()
        await checkpoint()
        assert not passed

        if end == "take":
            waiting.take(3)
        else:
            waiting.give_up()

    assert passed == [3]
    assert len(waiting) == 0


@pytest.mark.anyio
async def test_nobody_waits_for_a_run_that_has_begun(waiting: WaitingRuns) -> None:
    await waiting.until_begun(4)
    await waiting.until_begun(None)
