"""Runs that wait until it is known whether they are ours."""

from __future__ import annotations

import pytest
from anyio import create_task_group, fail_after
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
async def test_runs_that_share_data_nodes_begin_in_their_order(
    waiting: WaitingRuns,
) -> None:
    def graph(*nodes: str) -> Graph:
        return Graph(successors=[[]], predecessors=[0], reads=[nodes], writes=[[]])

    waiting.add(4, graph("other"))
    waiting.add(5, graph("other", "result"))
    waiting.add(6, graph("result"))
    assert waiting.in_turn(7, graph("result"), None) is not None
    assert waiting.in_turn(7, graph("third"), None) is None
    begun: list[int] = []

    async def begin(run: int) -> None:
        await waiting.turn(run)
        begun.append(run)
        waiting.take(run)

    async with create_task_group() as group:
        for run in (6, 5, 4):
            group.start_soon(begin, run)

        with fail_after(10):
            while begun != [4]:
                await checkpoint()

        waiting.take(3)

    assert begun == [4, 5, 6]
    assert waiting.in_turn(7, graph("result", "other"), None) is None


@pytest.mark.anyio
async def test_nobody_waits_for_a_run_that_has_begun(waiting: WaitingRuns) -> None:
    await waiting.until_begun(4)
    await waiting.until_begun(None)


@pytest.mark.anyio
async def test_a_run_that_waits_for_data_lets_others_pass(waiting: WaitingRuns) -> None:
    graph = Graph(successors=[[]], predecessors=[0], reads=[["result"]], writes=[[]])
    waiting.add(4, graph)
    passed: list[int] = []

    async def begin() -> None:
        await waiting.turn(4)
        passed.append(4)

    async with create_task_group() as group:
        group.start_soon(begin)
        await checkpoint()
        await checkpoint()
        assert not passed
        waiting.let_pass(3)

    assert passed == [4]
    assert 3 in waiting
    await waiting.turn(3)
    waiting.take(4)
    waiting.take(3)
    assert waiting.in_turn(7, graph, None) is None
