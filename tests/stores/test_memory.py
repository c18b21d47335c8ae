"""What the store in memory does beyond the contract of all stores: it forgets."""

from __future__ import annotations

from typing import Any, cast

import pytest
from anyio import Event, fail_after

from asyncflow.errors import StoreFailed, TakenOver
from asyncflow.records import CycleRecord, FirstVersionRecord
from asyncflow.stores._tables import Tables
from asyncflow.stores.memory import MemoryStore
from tests.support.records import (
    ONE_OF_EACH,
    job_record,
    node_record,
    orchestrator_record,
    scenario_record,
    submission_record,
    version_record,
)

pytestmark = pytest.mark.anyio


def test_there_is_a_table_for_each_kind_of_record() -> None:
    kinds = {*map(type, ONE_OF_EACH), CycleRecord, FirstVersionRecord}
    assert kinds == {*Tables().by_kind}


async def test_it_forgets_everything_when_it_is_closed() -> None:
    store = MemoryStore.at(":memory:")
    assert store.values_folder is None

    async with store:
        store.save(*ONE_OF_EACH)
        assert len(await store.jobs()) == 1

    async with store:
        assert await store.jobs() == []
        assert await store.get(ONE_OF_EACH[0].id) is None


async def test_two_of_them_share_nothing() -> None:
    async with MemoryStore() as one, MemoryStore() as other:
        one.save(job_record(1))
        assert await other.jobs() == []


async def test_what_is_no_record_is_refused_and_nothing_is_kept() -> None:
    async with MemoryStore() as store:
        with pytest.raises(TypeError, match="a store keeps the records of asyncflow"):
            store.save(job_record(1), cast("Any", ("JOB_t_2",)))

        assert await store.jobs() == []


class Watcher:
    def __init__(self) -> None:
        self.told = Event()

    def store_changed(self) -> None:
        self.told.set()


async def test_who_was_taken_over_is_told_at_once_and_by_each_verb() -> None:
    watcher = Watcher()

    async def be_taken_over() -> None:
        async with MemoryStore() as store:
            await store.register(orchestrator_record(1))
            store.watch(watcher)
            before = store.failure
            await store.adopt("ORCHESTRATOR_1", "ORCHESTRATOR_2")
            store.save(job_record(1))

            with fail_after(10):
                await watcher.told.wait()

            assert (before, type(store.failure)) == (None, TakenOver)

            for verb in (store.flush, store.jobs, store.orchestrators, store.makers):
                with pytest.raises(TakenOver):
                    await verb()

    with pytest.raises(TakenOver, match="took this one for dead"):
        await be_taken_over()


async def test_a_failure_that_was_told_is_not_raised_again() -> None:
    own = StoreFailed("memory", "told already", "")

    async def leave() -> None:
        async with MemoryStore() as store:
            await store.register(orchestrator_record(1))
            await store.adopt("ORCHESTRATOR_1", "ORCHESTRATOR_2")
            store.save(job_record(1))
            raise own

    with pytest.raises(StoreFailed) as caught:
        await leave()

    assert caught.value is own


async def test_what_never_changes_stays_as_it_was_saved_first() -> None:
    async with MemoryStore() as store:
        run = submission_record(1, graph="[1]", properties={"a": 1})
        store.save(run, run._replace(graph="[2]", properties={}, finished=2.5))
        assert await store.submissions() == [run._replace(finished=2.5)]

        node = node_record(1, directory="here")
        store.save(node, node._replace(directory=None, config_id="c"))
        assert await store.data_nodes() == [node._replace(config_id="c")]


async def test_a_value_that_was_dropped_does_not_come_back() -> None:
    async with MemoryStore() as store:
        store.save(version_record(1, kept=b"1"))
        store.save(version_record(1, kept=b"2"))  # it never changes
        assert await store.versions() == [version_record(1, kept=b"1")]
        dropped = version_record(1, kept=None, is_kept=False)
        store.save(dropped)
        assert await store.versions() == [dropped]


async def test_a_pinned_value_stays_until_it_is_unpinned() -> None:
    async with MemoryStore() as store:
        run = submission_record(1)
        store.save(scenario_record(1), run, version_record(1, kept="1.value"))
        store.pin(run.id, {"DATANODE_n_1": None, "DATANODE_unknown": None})
        assert await store.pinned(run.id) == {("DATANODE_n_1", 1)}

        store.save(version_record(1, kept=None, is_kept=False))
        (version,) = await store.versions()
        assert (version.kept, version.is_kept) == ("1.value", False)
        assert await store.unpin(run.id) == ["1.value"]
        (version,) = await store.versions()
        assert version.kept is None
        assert await store.unpin(run.id) == []
