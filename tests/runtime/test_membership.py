"""Orchestrators notice each other: who is alone on a store need not look in it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import attrs
import pytest
from anyio import create_task_group, fail_after, open_process, to_thread
from anyio.abc import Process
from anyio.lowlevel import checkpoint
from anyio.streams.buffered import BufferedByteReceiveStream

from asyncflow import (
    Configuration,
    DataNode,
    DataNodeIsBeingEdited,
    Orchestrator,
    Scenario,
    Scope,
)
from asyncflow.records import Record, VersionRecord
from asyncflow.recovery import recovery
from asyncflow.runtime import membership
from asyncflow.stores.sqlite import SqliteStore
from tests.support import flows
from tests.support.flows import configuration
from tests.support.programs import environment

pytestmark = pytest.mark.anyio


@attrs.define(eq=False)
class Asked(SqliteStore):
    """Counts how often it is asked for values and locks."""

    count: int = attrs.field(init=False, default=0)

    async def versions(self, **filters: Any) -> list[VersionRecord]:
        self.count += 1
        return await super().versions(**filters)

    async def get(self, record_id: str) -> Record | None:
        self.count += 1
        return await super().get(record_id)

    def asked(self) -> int:
        """Return the count, and begin anew."""
        count, self.count = self.count, 0
        return count


def declare(config: Configuration) -> Configuration:
    rate = config.configure_data_node("rate", scope=Scope.GLOBAL, default_data=1)
    result = config.configure_data_node("result")
    task = config.configure_task(
        "double", flows.double, rate, result, executor="thread"
    )
    config.configure_scenario("rated", task)
    return config


@pytest.fixture
def config() -> Configuration:
    return declare(configuration())


@pytest.fixture
def store(tmp_path: Path) -> Asked:
    return Asked(tmp_path / "runs.db")


async def rate(orchestrator: Orchestrator) -> DataNode:
    """Return the shared data node, after all that the store is asked for it."""
    scenario = await orchestrator.create_scenario("rated")
    found: DataNode = scenario.rate
    return found


async def until_read(node: DataNode, value: object) -> None:
    with fail_after(20):
        while await node.read() != value:
            await checkpoint()


# ------------------------------------------------------------------------------- alone


@pytest.mark.smoke
async def test_who_is_alone_does_not_look(config: Configuration, store: Asked) -> None:
    async with Orchestrator(config, store) as orchestrator:
        scenario = await orchestrator.create_scenario("rated")
        await scenario.submit()
        store.asked()

        for number in range(20):
            assert await scenario.result.read() == 2
            assert await scenario.rate.read() == 1
            await scenario.result.write(number)
            assert await scenario.result.read() == number
            await scenario.submit()
            assert await orchestrator.get(scenario.id) is scenario

        assert store.asked() == 0
        assert len(await scenario.result.edits()) == 41


async def test_who_had_dead_predecessors_is_alone(
    config: Configuration, store: Asked
) -> None:
    async with SqliteStore(store.path) as raw:
        record = await to_thread.run_sync(recovery.new_record)
        raw.save(record, record._replace(id="ORCHESTRATOR_2", started="closed"))

    async with Orchestrator(config, store) as orchestrator:
        node = await rate(orchestrator)
        assert len(await store.orchestrators()) == 1
        store.asked()
        assert await node.read() == 1
        assert store.asked() == 0


async def test_a_lock_of_a_predecessor_holds(
    config: Configuration, store: Asked
) -> None:
    async with Orchestrator(config, store) as orchestrator:
        await (await rate(orchestrator)).lock_edit("Ann", timeout=None)

    async with Orchestrator(config, store) as orchestrator:
        node = await rate(orchestrator)

        with pytest.raises(DataNodeIsBeingEdited, match="locked by 'Ann'"):
            await node.write(2)


# -------------------------------------------------------------------- in one process


async def test_company_is_noticed_before_it_writes(
    config: Configuration, store: Asked
) -> None:
    async with Orchestrator(config, store) as one:
        mine = await rate(one)

        async with Orchestrator(config, store.path) as other:
            theirs = await rate(other)
            store.asked()

            for number in range(50):
                await theirs.write(number)
                assert await mine.read() == number
                await mine.write(-number)
                assert await theirs.read() == -number

            assert store.asked() > 100

            scenario = await one.create_scenario("rated")
            await theirs.write(21)
            await scenario.submit()
            assert await scenario.result.read() == 42

        # What it wrote at last is seen, too.
        store.asked()
        assert await mine.read() == 21
        assert store.asked() == 1


async def test_the_first_sees_what_another_made_of_its_scenario(
    config: Configuration, store: Asked
) -> None:
    async with Orchestrator(config, store) as one:
        scenario = await one.create_scenario("rated")
        await scenario.submit()

        async with Orchestrator(config, store.path) as other:
            twin = await other.get(scenario.id)
            assert isinstance(twin, Scenario)
            await twin.rate.write(5)
            await twin.submit()
            assert await scenario.result.read() == 10
            await scenario.result.write(11)
            assert await twin.result.read() == 11


async def test_a_run_asks_once_for_all_that_scenarios_share(store: Asked) -> None:
    config = configuration()
    rates = [
        config.configure_data_node(f"rate{n}", scope=Scope.GLOBAL, default_data=n)
        for n in range(20)
    ]
    config.configure_scenario(
        "rated",
        [
            config.configure_task(f"double{n}", flows.double, rate, executor="thread")
            for n, rate in enumerate(rates)
        ],
    )

    async with (
        Orchestrator(config, store) as one,
        Orchestrator(config, store.path) as other,
    ):
        scenario = await one.create_scenario("rated")
        twin = await other.create_scenario("rated")
        await twin.rate7.write(70)
        store.asked()
        await scenario.submit().accepted()
        assert 0 < store.asked() < 10
        await one.drain()
        store.asked()
        await one.create_scenario("rated")
        assert 0 < store.asked() < 5
        assert scenario.rate7.last_edit_date is not None
        assert await scenario.rate7.read() == 70


@pytest.mark.parametrize("count", [2, 5])
async def test_those_that_open_at_a_time_all_notice(
    config: Configuration, store: Asked, count: int
) -> None:
    opened: list[Orchestrator] = []
    is_over = anyio.Event()

    async def run() -> None:
        async with Orchestrator(config, store.path) as orchestrator:
            opened.append(orchestrator)
            await is_over.wait()

    with fail_after(50):
        async with create_task_group() as group:
            for _ in range(count):
                group.start_soon(run)

            while len(opened) < count:
                await checkpoint()

            nodes = [await rate(orchestrator) for orchestrator in opened]

            for number, node in enumerate(nodes):
                await node.write(number)
                assert [await one.read() for one in nodes] == [number] * count

            is_over.set()


# ----------------------------------------------------------------- in other processes


PEER = """
import sys, anyio
from asyncflow import Orchestrator
from tests.support.flows import configuration
from tests.runtime.test_membership import declare, rate, until_read

async def main():
    async with Orchestrator(declare(configuration()), sys.argv[1]) as orchestrator:
        node = await rate(orchestrator)
        print("open", flush=True)

        while words := (await anyio.to_thread.run_sync(sys.stdin.readline)).split():
            match words:
                case "write", number:
                    await node.write(int(number))
                    print("written", flush=True)
                case "read",:
                    print(await node.read(), flush=True)
                case "until", number:
                    await until_read(node, int(number))
                    print("read", flush=True)

anyio.run(main)
"""


@attrs.define
class Peer:
    """An orchestrator in another process."""

    process: Process
    lines: BufferedByteReceiveStream

    async def says(self) -> str:
        return (await self.lines.receive_until(b"\n", 100)).decode()

    async def tell(self, words: str) -> None:
        assert self.process.stdin is not None
        await self.process.stdin.send(f"{words}\n".encode())

    async def do(self, words: str) -> str:
        await self.tell(words)
        return await self.says()

    async def end(self) -> None:
        assert self.process.stdin is not None
        await self.process.stdin.aclose()
        assert await self.process.wait() == 0


@asynccontextmanager
async def peer(path: str) -> AsyncIterator[Peer]:
    command = [sys.executable, "-c", PEER, path]
    root = Path(__file__).parents[2]

    with fail_after(50):
        async with await open_process(
            command, stderr=None, cwd=root, env=environment()
        ) as process:
            assert process.stdout is not None
            one = Peer(process, BufferedByteReceiveStream(process.stdout))

            try:
                assert await one.says() == "open"
                yield one
            finally:
                if process.returncode is None:
                    process.kill()


async def test_another_process_is_noticed_before_it_writes(
    config: Configuration, store: Asked
) -> None:
    async with Orchestrator(config, store) as orchestrator:
        node = await rate(orchestrator)
        assert await node.read() == 1

        async with peer(store.path) as other:
            for number in range(2, 50, 2):
                assert await other.do(f"write {number}") == "written"
                assert await node.read() == number
                await node.write(number + 1)
                assert await other.do("read") == str(number + 1)

            await other.do("write 1000")
            await other.end()

        assert await node.read() == 1000


async def test_two_other_processes_open_at_a_time(
    config: Configuration, store: Asked
) -> None:
    async with (
        peer(store.path) as one,
        peer(store.path) as two,
        Orchestrator(config, store) as orchestrator,
    ):
        node = await rate(orchestrator)

        for number, other in enumerate([one, two] * 5, 10):
            await other.do(f"write {number}")
            assert await node.read() == number
            assert await one.do("read") == await two.do("read") == str(number)

        await one.end()
        await two.end()


async def test_one_that_is_stopped_hears_it_when_it_goes_on(
    config: Configuration, store: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(membership, "GREET_TIMEOUT", 0.05)

    async with peer(store.path) as stopped:
        assert await stopped.do("read") == "1"
        os.kill(stopped.process.pid, signal.SIGSTOP)

        async with Orchestrator(config, store) as orchestrator:
            node = await rate(orchestrator)
            await node.write(2)
            os.kill(stopped.process.pid, signal.SIGCONT)
            assert await stopped.do("until 2") == "read"
            await stopped.do("write 3")
            assert await node.read() == 3
            await stopped.end()


# ------------------------------------------------- those that cannot reach each other


async def hide(store: SqliteStore) -> None:
    """Take from those that are open how they are reached, as a container does."""
    for record in await store.orchestrators():
        await anyio.Path(record.address).unlink()


KILLED = pytest.mark.may_leave("file", reason="the next one removes what it had")


@pytest.mark.parametrize(
    "end", ["closes", pytest.param("is killed", marks=KILLED), "stays"]
)
async def test_one_that_cannot_greet_is_noticed_soon(
    config: Configuration, store: Asked, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    monkeypatch.setattr(recovery, "LEASE", 0.3)

    async with Orchestrator(config, store) as orchestrator:
        node = await rate(orchestrator)
        await hide(store)

        async with peer(store.path) as other:
            await other.do("write 2")

            if end == "closes":
                await other.end()
            elif end == "is killed":
                other.process.kill()
                await other.process.wait()

            await until_read(node, 2)

            if end == "stays":
                await node.write(3)
                assert await other.do("read") == "3"
                await other.end()


async def test_one_that_could_not_greet_stays_to_be_found(
    config: Configuration, store: Asked
) -> None:
    async with Orchestrator(config, store) as orchestrator:
        await hide(store)

        async with Orchestrator(config, store.path) as other:
            await (await rate(other)).write(2)

        _, left = await store.orchestrators()
        assert (left.started, left.lease) == ("closed", 0.0)

        # Who adopts it knows as little of the first, and is found in its place.
        async with Orchestrator(config, store.path):
            pass

        _, next_one = await store.orchestrators()
        assert next_one.id != left.id
        assert (next_one.started, next_one.lease) == ("closed", 0.0)
        assert orchestrator.is_open

    async with SqliteStore(store.path) as raw:
        assert [one.started for one in await raw.orchestrators()] == ["closed"]
