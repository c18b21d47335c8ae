"""Data nodes know what the store has, also what others have written."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from anyio import Event, create_task_group, fail_after, wait_all_tasks_blocked

from asyncflow import Configuration, DataNode, Orchestrator, Scope
from asyncflow.entities.data_node import node_of
from asyncflow.records import VersionRecord
from asyncflow.stores.sqlite import SqliteStore
from asyncflow.values.stored import chain

pytestmark = pytest.mark.anyio


async def shared(config: Configuration, orchestrator: Orchestrator) -> DataNode:
    """Return a data node that keeps two versions beside the current one."""
    node = config.configure_data_node(
        "node", scope=Scope.GLOBAL, default_data=0, keep_versions=2
    )
    cfg = config.configure_scenario("s", None, node)
    return (await orchestrator.create_scenario(cfg)).data_nodes["node"]


async def test_the_last_versions_of_others_are_known_after_a_look(
    config: Configuration, one: Orchestrator, other: Orchestrator
) -> None:
    here, there = await shared(config, one), await shared(config, other)

    for value in range(1, 6):
        await there.write(value)

    assert await here.read() == 5
    numbers = [version.number for version in node_of(here).versions]
    assert numbers == [version.number for version in node_of(there).versions]
    assert [await here.read(version=number) for number in numbers] == [3, 4, 5]


async def test_the_last_records_that_are_kept_can_be_read(
    config: Configuration, one: Orchestrator
) -> None:
    node = await shared(config, one)

    for value in range(1, 6):
        await node.write(value)

    records = await one.store.versions(node_ids=[node.id])
    state = node_of(node)
    assert state.max_older == 2
    assert [record.number for record in chain(state, records)] == [
        version.number for version in state.versions
    ]


class SlowStore(SqliteStore):
    """Does not look for versions before it is let, once."""

    begun: Event
    """Is set where it is to look, `ended` where it has done so."""
    ended: Event
    _goes: Event | None = None
    _skipped = 0

    def hold(self, skipped: int = 0) -> Event:
        """Hold a look until an event, which is returned.

        :param skipped: how many others go first
        """
        self._skipped = skipped
        self.begun, self.ended = Event(), Event()
        self._goes = event = Event()
        return event

    async def versions(self, **filters: Any) -> list[VersionRecord]:
        if self._skipped:
            self._skipped -= 1
        elif self._goes is not None:
            event, self._goes = self._goes, None
            self.begun.set()
            await event.wait()
            found = await super().versions(**filters)
            self.ended.set()
            return found

        return await super().versions(**filters)


@asynccontextmanager
async def looking(
    config: Configuration, path: str, keep_versions: int
) -> AsyncIterator[tuple[SlowStore, DataNode, DataNode]]:
    """Give a data node of two orchestrators: here, where a look may be slow, and there."""
    node = config.configure_data_node(
        "node", scope=Scope.GLOBAL, default_data=0, keep_versions=keep_versions
    )
    cfg = config.configure_scenario("s", None, node)
    store = SlowStore(path)

    async with Orchestrator(config, store) as one, Orchestrator(config, path) as other:
        here = (await one.create_scenario(cfg)).data_nodes["node"]
        there = (await other.create_scenario(cfg)).data_nodes["node"]

        with fail_after(30):
            yield store, here, there


@pytest.mark.parametrize("keep_versions", [0, 1])
async def test_a_slow_look_does_not_bring_back_what_was_replaced(
    config: Configuration, path: str, keep_versions: int
) -> None:
    """A quick one has found a version of others meanwhile that they have dropped since."""
    values: list[object] = []

    async def read(node: DataNode) -> None:
        values.append(await node.read())

    async with looking(config, path, keep_versions) as (store, here, there):
        go = store.hold()

        async with create_task_group() as group:
            group.start_soon(read, here)
            await store.begun.wait()
            await there.write(1)
            assert await here.read() == 1

            for value in (2, 3, 4):
                await there.write(value)

            go.set()

        assert values == [4]
        numbers = [[one.number for one in node_of(x).versions] for x in (here, there)]
        assert numbers[0] == numbers[1]


async def test_what_the_store_has_last_is_not_dropped(
    config: Configuration, path: str
) -> None:
    """Whatever is known here, by a quicker look: others have dropped that already."""
    async with looking(config, path, 0) as (store, here, there):
        go = store.hold(skipped=1)  # a write looks before, and then tidies
        await here.write(1)
        await store.begun.wait()
        await there.write(2)
        assert await here.read() == 2
        await there.write(3)
        go.set()
        await store.ended.wait()
        await wait_all_tasks_blocked()
        await store.flush()
        assert await there.read() == 3
        assert await here.read() == 3
        assert len(await store.versions(node_ids=[here.id], is_kept=True)) == 1
