"""The agent: worker processes in a thread of their own."""

from __future__ import annotations

import asyncio
import pickle
import time
from pathlib import Path

import pytest
from anyio import Event, fail_after, to_thread

from asyncflow.abc import Killed, Returned
from asyncflow.executors.dask.agent import Agent
from asyncflow.executors.dask.payload import pack
from asyncflow.executors.process.executor import ProcessExecutor
from tests.executors.dask.test_relay import Kept
from tests.support import flows
from tests.support.calls import call

pytestmark = pytest.mark.anyio


def sleep_long(_: object) -> None:
    print("begun", flush=True)
    time.sleep(600)


class Sender(Kept):
    """Hands over to the loop of the test."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.get_running_loop()

    async def until(self, word: str) -> None:
        while not any(word in words for words in self.words()):
            await self.has_come.wait()
            self.has_come = Event()

    def send(self, data: bytes) -> None:
        self.loop.call_soon_threadsafe(super().send, data)


async def opened() -> Agent:
    agent = Agent(ProcessExecutor(grace=0.1))
    await asyncio.wrap_future(agent.open())
    return agent


async def test_a_trip_runs_and_a_late_kill_does_nothing(tmp_path: Path) -> None:
    agent = await opened()

    try:
        with fail_after(20):
            payload = await to_thread.run_sync(pack, [call(flows.double, tmp_path, 21)])
            data = await asyncio.wrap_future(agent.run(1, payload, Sender()))
            agent.kill(1, ["JOB_1"], now=True)
            again = await asyncio.wrap_future(agent.run(2, payload, Sender()))
    finally:
        await to_thread.run_sync(agent.close)

    for told in (data, again):
        ((word, places, (outcome,)),) = pickle.loads(told)
        assert (word, places, type(outcome)) == ("ended", [0], Returned)


async def test_a_kill_ends_a_job_and_one_that_comes_early_keeps_it_from_starting(
    tmp_path: Path,
) -> None:
    agent, sender = await opened(), Sender()

    try:
        with fail_after(20):
            payload = await to_thread.run_sync(pack, [call(sleep_long, tmp_path)])
            running = asyncio.wrap_future(agent.run(1, payload, sender))
            await sender.until("printed")
            agent.kill(1, ["JOB_1"], now=True)
            ((word, _, (outcome,)),) = pickle.loads(await running)
            agent.kill(2, ["JOB_1"], now=False)
            early = await asyncio.wrap_future(agent.run(2, payload, sender))
    finally:
        await to_thread.run_sync(agent.close)

    assert (word, type(outcome)) == ("ended", Killed)
    assert pickle.loads(early) == []


async def test_closing_ends_what_runs(tmp_path: Path) -> None:
    agent, sender = await opened(), Sender()
    payload = await to_thread.run_sync(pack, [call(sleep_long, tmp_path)])
    running = asyncio.wrap_future(agent.run(1, payload, sender))

    with fail_after(20):
        await sender.has_come.wait()
        await to_thread.run_sync(agent.close)

        with pytest.raises(asyncio.CancelledError):
            await running


async def test_why_it_cannot_be_opened_is_told() -> None:
    class Broken(ProcessExecutor):
        async def __aenter__(self) -> Broken:
            raise OSError("no room")

    agent = Agent(Broken())

    with pytest.raises(OSError, match="no room"):
        await asyncio.wrap_future(agent.open())

    await to_thread.run_sync(agent.close)
