"""An executor that is loaded with the first job for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from asyncflow.abc import Executor
from asyncflow.executors._lazy import LazyExecutor
from asyncflow.executors.thread import ThreadExecutor
from tests.support import flows
from tests.support.calls import Notes, call, outcome_of

pytestmark = pytest.mark.anyio


async def test_it_is_made_with_the_first_call_and_once(tmp_path: Path) -> None:
    made: list[Executor] = []

    def make() -> Executor:
        made.append(ThreadExecutor(echo=False))
        return made[-1]

    async with LazyExecutor(make) as executor:
        executor.kill(call(flows.double, tmp_path))  # there is nothing to kill
        assert not made
        await executor.run([], Notes())
        await outcome_of(executor, call(flows.double, tmp_path))
        assert len(made) == 1


async def test_leaving_closes_what_was_made(tmp_path: Path) -> None:
    made = ThreadExecutor(echo=False)

    async with LazyExecutor(lambda: made) as executor:
        await outcome_of(executor, call(flows.double, tmp_path))
        assert not made._threads._is_closed

    assert made._threads._is_closed


async def test_leaving_makes_nothing() -> None:
    def make() -> Executor:
        raise AssertionError

    async with LazyExecutor(make):
        pass
