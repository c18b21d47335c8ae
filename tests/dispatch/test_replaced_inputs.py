"""Inputs of jobs that another orchestrator replaces before they are read."""

from __future__ import annotations

import os
import threading
from contextlib import AsyncExitStack

import pytest
from anyio import create_task_group, fail_after, to_thread

from asyncflow import Configuration, Orchestrator, Scenario, Scope, Status
from asyncflow.entities.data_node import node_of
from asyncflow.values import files
from tests.support.flows import configuration

pytestmark = pytest.mark.anyio

LARGE = 200_000
"""The length of values that are kept in files."""

reached = threading.Event()
passed = threading.Event()


class Gate:
    """A value that takes as long to load as a test wants."""

    def __getstate__(self) -> int:
        return 1

    def __setstate__(self, state: int) -> None:
        reached.set()

        if not passed.wait(30):
            raise TimeoutError


def use(gate: Gate, board: bytes) -> bytes:
    return board[:1]


@pytest.fixture(autouse=True)
def shut() -> None:
    reached.clear()
    passed.clear()


def declare() -> Configuration:
    """Declare ``gate``, ``board`` (shared) -> ``out``."""
    config = configuration()
    gate = config.configure_data_node("gate")
    board = config.configure_data_node(
        "board", scope=Scope.GLOBAL, default_data=b"0" * LARGE
    )
    out = config.configure_data_node("out")
    task = config.configure_task("use", use, [gate, board], out, executor="thread")
    config.configure_scenario("s", task)
    return config


async def replace(other: Scenario, *texts: bytes) -> None:
    for text in texts:
        await other.board.write(text * LARGE)


@pytest.mark.smoke
async def test_a_job_reads_the_version_that_it_was_given(path: str) -> None:
    config = declare()

    async with Orchestrator(config, path) as one, Orchestrator(config, path) as two:
        mine, other = [await each.create_scenario("s") for each in (one, two)]
        await mine.gate.write(Gate())

        with fail_after(30):
            run = mine.submit()
            await to_thread.run_sync(reached.wait)
            await replace(other, b"1", b"2", b"3")
            passed.set()
            await run

            assert await mine.out.read() == b"0"

            await mine.submit()
            assert await mine.out.read() == b"3"


async def test_what_is_pinned_stays_when_who_replaced_it_has_closed(path: str) -> None:
    """A run reads what its sources were at its submit."""
    config = declare()

    async with Orchestrator(config, path) as one:
        mine = await one.create_scenario("s")
        await mine.gate.write(Gate())

        with fail_after(30):
            async with Orchestrator(config, path) as two:
                other = await two.create_scenario("s")
                run = mine.submit()
                await to_thread.run_sync(reached.wait)
                await replace(other, b"1", b"2", b"3")

            passed.set()  # who has closed keeps no file but those that are pinned
            await run

        (job,) = run.jobs
        assert await mine.out.read() == b"0"
        assert (job.status, job.attempt, job.attempts) == (Status.COMPLETED, 1, ())


def file_of(scenario: Scenario) -> str:
    """Return the file that its board is in."""
    version = node_of(scenario.data_nodes["board"]).version
    assert version is not None
    assert isinstance(version.kept, str)
    return version.kept


async def test_a_job_whose_input_was_not_replaced_fails(path: str) -> None:
    config = declare()

    async with Orchestrator(config, path) as one:
        mine = await one.create_scenario("s")
        await mine.gate.write(Gate())
        file = file_of(mine)

        with fail_after(30):
            run = mine.submit()
            await to_thread.run_sync(reached.wait)
            await to_thread.run_sync(os.unlink, file)
            passed.set()
            await run.wait()

        (job,) = run.jobs
        assert job.status is Status.FAILED
        assert job.reason.startswith("ValueMissing")


async def test_a_run_is_canceled_whose_input_is_looked_up(path: str) -> None:
    config = declare()

    async with Orchestrator(config, path) as one:
        mine = await one.create_scenario("s")
        await mine.gate.write(Gate())

        with fail_after(30):
            run = mine.submit()
            await to_thread.run_sync(reached.wait)
            await to_thread.run_sync(os.unlink, file_of(mine))
            passed.set()
            run.cancel()
            await run.wait()

        assert run.jobs[0].status is Status.CANCELED


async def test_files_stay_for_others_for_a_lease(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "LEASE", 0.0)
    config = declare()

    async with Orchestrator(config, path) as one, Orchestrator(config, path):
        mine = await one.create_scenario("s")
        first = file_of(mine)
        await replace(mine, b"1", b"2", b"3")

        with fail_after(30):
            while await to_thread.run_sync(os.path.exists, first):
                await one.flush()


@pytest.mark.limit(120)
async def test_many_replace_what_many_read(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "LEASE", 0.001)  # so that some come too late
    passed.set()
    config = declare()

    async with AsyncExitStack() as stack:
        opened = [
            await stack.enter_async_context(Orchestrator(config, path))
            for _ in range(3)
        ]
        mine, *others = [await each.create_scenario("s") for each in opened]
        await mine.gate.write(Gate())
        is_over = False

        async def write(other: Scenario) -> None:
            while not is_over:
                await replace(other, b"1", b"2")

        with fail_after(100):
            async with create_task_group() as group:
                for other in others:
                    group.start_soon(write, other)

                for _ in range(25):
                    await mine.submit()

                is_over = True
