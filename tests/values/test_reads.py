"""Reads of the parent: their own threads, and no wait for those that are cancelled."""

from __future__ import annotations

import threading
from functools import partial
from typing import Any

import pytest
from anyio import CancelScope, create_task_group, fail_after, to_thread

from asyncflow import Configuration, Orchestrator, Scenario
from asyncflow.values.readers import THREADS
from tests.support import flows

pytestmark = pytest.mark.anyio


class Slow:
    """Is read as long as the test wants."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.may_end = threading.Event()
        self.count = self.most = 0
        self.lock = threading.Lock()

    def read(self) -> str:
        with self.lock:
            self.count += 1
            self.most = max(self.most, self.count)

        self.begun.release()
        self.may_end.wait()

        with self.lock:
            self.count -= 1

        return "value"


async def scenario_of(orchestrator: Orchestrator, config: Configuration) -> Scenario:
    return await orchestrator.create_scenario(config.scenarios["flow"])


def declare(config: Configuration, slow: Slow) -> None:
    node = config.configure_generic_data_node("node", slow.read)
    config.configure_scenario("flow", [], node)


async def test_a_cancelled_read_returns_at_once(config: Configuration) -> None:
    slow = Slow()
    declare(config, slow)

    async with Orchestrator(config, ":memory:") as orchestrator:
        scenario = await scenario_of(orchestrator, config)

        with fail_after(30):
            async with create_task_group() as group:
                with CancelScope() as scope:

                    async def cancel() -> None:
                        await to_thread.run_sync(slow.begun.acquire)
                        scope.cancel()

                    group.start_soon(cancel)
                    await scenario.node.read()

            assert scope.cancelled_caught
            assert slow.count == 1  # its thread goes on
            slow.may_end.set()
            assert await scenario.node.read() == "value"


async def test_reads_have_threads_of_their_own(config: Configuration) -> None:
    slow = Slow()
    declare(config, slow)
    found: list[Any] = []

    async def read(scenario: Scenario) -> None:
        found.append(await scenario.node.read())

    async with Orchestrator(config, ":memory:") as orchestrator:
        scenario = await scenario_of(orchestrator, config)

        with fail_after(30):
            async with create_task_group() as group:
                for _ in range(3 * THREADS):
                    group.start_soon(partial(read, scenario))

                for _ in range(THREADS):
                    await to_thread.run_sync(slow.begun.acquire)  # others have threads

                slow.may_end.set()

    assert len(found) == 3 * THREADS
    assert slow.most <= THREADS


@pytest.mark.blocking_jobs
@pytest.mark.parametrize("mode", ["development", "standalone"])
async def test_a_value_is_the_readers_own(mode: str) -> None:
    config = Configuration()
    config.configure_job_executions(mode)
    given = config.configure_data_node("given", default_data=[1])
    kept = config.configure_in_memory_data_node("kept")
    made = config.configure_data_node("made")
    first = config.configure_task("first", flows.identity, given, kept)
    second = config.configure_task("second", flows.identity, kept, made)
    flow = config.configure_scenario("flow", [first, second])

    with fail_after(40):
        async with Orchestrator(config, ":memory:") as orchestrator:
            scenario = await orchestrator.create_scenario(flow)
            await scenario.submit()

            for name in ("given", "kept", "made"):
                (await scenario.data_nodes[name].read()).append(2)
                assert await scenario.data_nodes[name].read() == [1], name

            await scenario.submit()
            assert await scenario.made.read() == [1]
