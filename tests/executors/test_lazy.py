"""An executor that is loaded with the first job for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from asyncflow.abc import Executor
from asyncflow.config.sections import JobConfig
from asyncflow.executors._lazy import LazyExecutor
from asyncflow.executors.thread import ThreadExecutor
from tests.support import flows
from tests.support.calls import Notes, call, outcome_of

pytestmark = pytest.mark.anyio


def made_by(executor: LazyExecutor) -> Executor | None:
    return executor._made


async def test_it_is_made_with_the_first_call_and_once(tmp_path: Path) -> None:
    async with LazyExecutor("thread", JobConfig()) as executor:
        executor.kill(call(flows.double, tmp_path))  # there is nothing to kill
        assert made_by(executor) is None
        await executor.run([], Notes())
        made = made_by(executor)
        assert isinstance(made, ThreadExecutor)
        await outcome_of(executor, call(flows.double, tmp_path))
        assert made_by(executor) is made


async def test_leaving_closes_what_was_made(tmp_path: Path) -> None:
    async with LazyExecutor("thread", JobConfig()) as executor:
        await outcome_of(executor, call(flows.double, tmp_path))
        made = executor._made
        assert isinstance(made, ThreadExecutor)
        assert not made._threads._is_closed

    assert made._threads._is_closed


async def test_leaving_makes_nothing() -> None:
    async with LazyExecutor("unknown", JobConfig()):
        pass
