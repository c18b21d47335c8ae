"""What stores in a database promise that several may have open at a time."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from anyio import (
    create_task_group,
    fail_after,
    move_on_after,
    open_process,
    run_process,
)
from anyio.lowlevel import checkpoint
from anyio.streams.buffered import BufferedByteReceiveStream
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asyncflow.abc import Store
from asyncflow.errors import NotOpen, NotPicklable, StoreFailed, UsageError
from asyncflow.options import Page
from asyncflow.records import (
    DataNodeRecord,
    InputRecord,
    LogRecord,
    Record,
    ScenarioRecord,
    SubmissionRecord,
    VersionRecord,
)
from tests.support.records import (
    ONE_OF_EACH,
    RECORD,
    UNUSUAL,
    basis_record,
    job_record,
    node_record,
    orchestrator_record,
    scenario_record,
    submission_record,
)
from tests.support.stores import SHARED, Place
from tests.support.stores import kind as kind
from tests.support.stores import place as place
from tests.support.stores import server as server
from tests.support.stores import tables as tables

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize("kind", SHARED, indirect=True, scope="session"),
]

ROOT = Path(__file__).parents[2]


async def ask(place: Place) -> list[Record]:
    """Open a store anew, and return all that is in it."""
    async with place.store() as store:
        return await content(store)


async def content(store: Store) -> list[Record]:
    scenarios = await store.scenarios()
    return [
        *scenarios,
        *await store.data_nodes(),
        *await store.submissions(),
        *await store.jobs(),
        *await store.orchestrators(),
        *await store.versions(),
        *[basis for one in scenarios for basis in await store.bases(one.id)],
    ]


async def logs(store: Store, records: list[Record]) -> dict[str, Record]:
    """Return what is kept of these logs and inputs, by their ids."""
    found = [await store.log(one) for one in jobs_of_logs(records)]
    runs = [one.submission_id for one in records if isinstance(one, InputRecord)]
    inputs: list[Record] = [*await store.inputs(*runs)]
    return {one.id: one for one in (*found, *inputs) if one is not None}


def jobs_of_logs(records: list[Record]) -> list[str]:
    return [one.job_id for one in records if isinstance(one, LogRecord)]


async def fill(place: Place, *records: Record) -> None:
    async with place.store() as store:
        store.save(*records)


@asynccontextmanager
async def opened(place: Place, count: int) -> AsyncIterator[list[Store]]:
    """Open a store several times."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(place.store()) for _ in range(count)]


PAIRS = 100
"""How many pairs of versions each of several writers saves."""


@pytest.mark.smoke
async def test_of_two_writers_one_comes_first_in_all_data_nodes(place: Place) -> None:
    nodes = [f"DATANODE_{name}_GLOBAL" for name in "abcd"]

    async with opened(place, 3) as stores:

        async def write(writer: int, order: int) -> None:
            for number in range(PAIRS):
                made = [VersionRecord(one, 3 * number + writer, b"") for one in nodes]
                stores[writer].save(*made[::order])
                await stores[writer].flush()

        async with create_task_group() as group:
            for writer, order in enumerate((1, -1, 1)):
                group.start_soon(write, writer, order)

        orders = [
            [one.number for one in await stores[0].versions(node_id=node)]
            for node in nodes
        ]
        assert len(orders[0]) == 3 * PAIRS
        assert orders[1:] == [orders[0]] * 3


async def test_of_several_who_make_a_name_one_does(place: Place) -> None:
    names = [f"name {number}" for number in range(20)]
    made: dict[str, set[str]] = {name: set() for name in names}

    async with opened(place, 3) as stores:

        async def make(writer: int, order: int) -> None:
            for number, name in [*enumerate(names)][::order]:
                own = scenario_record(f"{writer}_{number}", name=name)
                node = DataNodeRecord(f"DATANODE_n_{writer}_{number}", "n", own.id)
                made[name].add(await stores[writer].create(own, node))

        async with create_task_group() as group:
            for writer, order in enumerate((1, -1, 1)):
                group.start_soon(make, writer, order)

        kept = {one.name: one.id for one in await stores[0].scenarios()}
        assert made == {name: {kept[name]} for name in names}
        nodes = await stores[1].data_nodes()
        assert {node.owner_id for node in nodes} == {*kept.values()}
        assert len(nodes) == len(names)


# ----------------------------------------------------------------------- what comes back


@pytest.mark.parametrize("records", [ONE_OF_EACH, UNUSUAL], ids=["usual", "unusual"])
async def test_records_are_the_same_after_reopening(
    place: Place, records: list[Record]
) -> None:
    await fill(place, *records)
    again = {record.id: record for record in await ask(place)}

    async with place.store() as store:
        again |= await logs(store, records)

        for record in records:
            dict(getattr(again[record.id], "properties", {}))  # they are loaded now
            assert repr(again[record.id]) == repr(record)

        for record in records:
            if isinstance(record, ScenarioRecord):
                assert await store.scenarios(name=record.name or "-") == (
                    [record] if record.name else []
                )

        ids = [record.id for record in records]
        names = await store.delete(*ids, *jobs_of_logs(records))
        assert set(names) == {
            record.kept
            for record in records
            if isinstance(record, VersionRecord | InputRecord)
            and isinstance(record.kept, str)
        }

        assert await logs(store, records) == {}

    assert await ask(place) == []


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(records=st.lists(RECORD, max_size=8, unique_by=lambda record: record.id))
async def test_any_records_come_back(place: Place, records: list[Record]) -> None:
    await fill(place, *records)
    found = {record.id: record for record in await ask(place)}

    async with place.store() as store:
        nodes = [one.node_id for one in records if isinstance(one, VersionRecord)]
        found |= await logs(store, records)
        await store.delete(*found, *nodes, *jobs_of_logs(records))
        assert await content(store) == []
        assert await logs(store, records) == {}

    assert found == {record.id: record for record in records}
    assert all(type(found[record.id]) is type(record) for record in records)


async def test_a_property_that_cannot_be_kept_is_refused(place: Place) -> None:
    lost = scenario_record(1, properties={"file": [1, threading.Lock()]})

    async with place.store() as store:
        with pytest.raises(NotPicklable, match=r"SCENARIO_c_1\['file'\]\[1\]"):
            store.save(job_record(1), lost)

        store.save(job_record(2))
        await store.flush()

    assert await ask(place) == [job_record(2)]


async def test_what_changes_later_is_kept_as_it_was(place: Place) -> None:
    properties, numbers = {"a": [1]}, {"n": 1}

    async with place.store() as store:
        store.save(
            scenario_record(1, properties=properties),
            submission_record(1, properties=properties),
            basis_record(1, inputs=numbers),
        )
        properties["a"].append(2)
        numbers["n"] = 2

    scenario, submission, basis = await ask(place)
    assert scenario == scenario_record(1, properties={"a": [1]})
    assert submission == submission_record(1, properties={"a": [1]})
    assert basis == basis_record(1, inputs={"n": 1})


async def test_ten_thousand_scenarios(place: Place) -> None:
    many = [scenario_record(n, properties={"n": n, "é": "x"}) for n in range(10_000)]

    async with place.store() as store:
        for record in many:
            store.save(record)

        await store.flush()
        assert await store.scenarios() == many
        assert (
            await store.scenarios(page=Page(newest_first=True, limit=20))
            == many[:-21:-1]
        )


# ------------------------------------------------------------- opening and closing


async def test_leaving_writes_what_is_left(place: Place) -> None:
    async with place.store() as store:
        for number in range(100):
            store.save(job_record(number))

    assert len(await ask(place)) == 100


@pytest.mark.both_loops
async def test_a_query_during_the_closing_has_an_end(place: Place) -> None:
    found: list[int] = []

    async def ask_late() -> None:
        try:
            found.append(len(await store.jobs()))
        except NotOpen:
            found.append(1000)

    async with create_task_group() as group, place.store() as store:
        for number in range(1000):
            store.save(job_record(number))

        for _ in range(20):
            group.start_soon(ask_late)

        await anyio.lowlevel.checkpoint()

    assert found == [1000] * 20


async def test_a_cancel_leaves_nothing_open(place: Place) -> None:
    with move_on_after(0) as scope:
        async with place.store() as store:
            store.save(job_record(1))
            await anyio.sleep_forever()

    assert scope.cancelled_caught
    assert await ask(place) == [job_record(1)]


async def test_it_must_be_open(place: Place) -> None:
    store = place.store()

    with pytest.raises(NotOpen, match="async with"):
        store.save(job_record(1))

    async with store:
        with pytest.raises(UsageError, match="open already"):
            await store.__aenter__()

    with pytest.raises(NotOpen):
        await store.jobs()


# ----------------------------------------------------------------------- other processes


WRITE = """
import sys, anyio
from tests.support.records import job_record, node_record
from tests.support.stores import Place

async def main(place, name, rounds):
    async with place.store() as store:
        for number in range(rounds):
            for part in range(5):
                key = f"{name}_{number}_{part}"
                store.save(job_record(key), node_record(key))
            await store.flush()
            assert await store.get(f"JOB_t_{key}")
            print(number, flush=True)

anyio.run(main, Place(*sys.argv[3:]), sys.argv[1], int(sys.argv[2]))
"""


def writer(place: Place, name: str, rounds: int) -> list[str]:
    return [sys.executable, "-c", WRITE, name, str(rounds), *place]


async def test_what_was_flushed_survives_kill_9(place: Place) -> None:
    command = writer(place, "x", 10**9)
    last = -1

    async with await open_process(command, cwd=ROOT, stderr=None) as process:
        assert process.stdout is not None

        lines = BufferedByteReceiveStream(process.stdout)

        while last < 50:
            last = int(await lines.receive_until(b"\n", 20))

        process.send_signal(signal.SIGKILL)

    assert process.returncode == -signal.SIGKILL
    found = {record.id for record in await ask(place)}
    wanted = {f"{n}_{part}" for n in range(last + 1) for part in range(5)}
    assert {f"JOB_t_x_{key}" for key in wanted} <= found

    # Each call of `save` is there as a whole, or not at all.
    jobs = {key.removeprefix("JOB_t") for key in found if key.startswith("JOB")}
    assert jobs == {key.removeprefix("DATANODE_n") for key in found} - {
        key for key in found if key.startswith("JOB")
    }


async def test_several_processes_write_one_file(place: Place) -> None:
    """They also make it at the same time."""
    async with create_task_group() as group:
        for name in "abc":
            group.start_soon(run_writer, place, name)

    found = await ask(place)
    assert len(found) == 3 * 40 * 5 * 2

    for name in "abc":
        jobs = [one.id for one in found if one.id.startswith(f"JOB_t_{name}_")]
        assert jobs == [
            f"JOB_t_{name}_{n}_{part}" for n in range(40) for part in range(5)
        ]


async def run_writer(place: Place, name: str) -> None:
    await run_process(writer(place, name, 40), cwd=ROOT, stderr=None)


async def test_two_stores_see_each_others_commits(place: Place) -> None:
    async with place.store() as one, place.store() as two:
        one.save(job_record(1))
        await one.flush()
        assert await two.jobs() == [job_record(1)]

        two.save(job_record(1, status="FAILED"))
        await two.flush()
        assert await one.get("JOB_t_1") == job_record(1, status="FAILED")

        await one.delete("JOB_t_1")
        assert await two.jobs() == []


FORGET = """
import asyncio, sys
from tests.support.records import job_record
from tests.support.stores import Place

async def main():
    await store.__aenter__()
    for number in range(100):
        store.save(job_record(number))

store = Place(*sys.argv[1:]).store()
loop = asyncio.new_event_loop()
loop.run_until_complete(main())
"""


async def test_a_program_that_forgets_the_store_ends_and_loses_nothing(
    place: Place,
) -> None:
    command = [sys.executable, "-c", FORGET, *place]
    await run_process(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    assert len(await ask(place)) == 100


# ------------------------------------------------------------------ who wants the same


@pytest.mark.parametrize("count", [2, 5])
async def test_a_submission_is_claimed_by_one_of_many(place: Place, count: int) -> None:
    claims: list[SubmissionRecord] = []

    async def claim(store: Store, name: str) -> None:
        own = submission_record(1, orchestrator_id=name)
        claims.append(await store.claim(own))

    async with opened(place, count) as stores:
        stores[0].save(scenario_record(1))
        await stores[0].flush()

        async with create_task_group() as group:
            for number, store in enumerate(stores):
                group.start_soon(claim, store, str(number))

        assert await stores[0].submissions() == claims[:1]

    assert len(set(map(repr, claims))) == 1
    assert len(claims) == count


async def test_a_data_node_is_locked_by_one_of_many(place: Place) -> None:
    got: list[DataNodeRecord | None] = []

    async def lock(store: Store, name: str) -> None:
        got.append(await store.lock(node_record(1, editor_id=name), now=1.0))

    async with opened(place, 4) as stores:
        stores[0].save(node_record(1))
        await stores[0].flush()

        async with create_task_group() as group:
            for number, store in enumerate(stores):
                group.start_soon(lock, store, str(number))

        assert await stores[0].data_nodes() == got[:1]

    assert len(set(got)) == 1
    assert len(got) == 4


async def test_a_dead_orchestrator_is_adopted_by_one_of_many(place: Place) -> None:
    async with opened(place, 4) as stores:
        stores[0].save(
            orchestrator_record("dead"),
            *(submission_record(n, orchestrator_id="ORCHESTRATOR_dead") for n in "ab"),
        )
        await stores[0].flush()

        async with create_task_group() as group:
            for number, store in enumerate(stores):
                group.start_soon(store.adopt, "ORCHESTRATOR_dead", str(number))

        heirs = {one.orchestrator_id for one in await stores[0].submissions()}

    assert len(heirs) == 1
    assert heirs < set("0123")


async def test_a_dead_orchestrator_writes_nothing_more(place: Place) -> None:
    async def write(store: Store) -> None:
        for number in range(10**6):
            store.save(submission_record(number, orchestrator_id="ORCHESTRATOR_1"))
            await store.flush()

    async def be_adopted() -> None:
        async with place.store() as dead, place.store() as heir:
            await dead.register(orchestrator_record(1))

            async with create_task_group() as group:
                group.start_soon(write, dead)

                while not await heir.submissions():
                    await anyio.lowlevel.checkpoint()

                await heir.adopt("ORCHESTRATOR_1", "heir")

    with pytest.raises(ExceptionGroup) as caught:
        await be_adopted()

    assert caught.group_contains(StoreFailed, match="took this one for dead")
    owners = {
        one.orchestrator_id
        for one in await ask(place)
        if isinstance(one, SubmissionRecord)
    }
    assert owners == {"heir"}


@pytest.mark.blocking_jobs
async def test_a_lease_is_renewed_while_the_event_loop_is_held_up(place: Place) -> None:
    async def see_it_renewed() -> None:
        async with place.store() as other:
            (first,) = await other.orchestrators()

            with fail_after(30):
                while (await other.orchestrators()) == [first]:
                    await checkpoint()

    async with place.store() as store:
        await store.register(orchestrator_record(1), lease=0.3)

        with ThreadPoolExecutor() as threads:
            threads.submit(anyio.run, see_it_renewed).result()


async def test_a_lease_that_is_given_up_is_not_renewed(place: Place) -> None:
    async with place.store() as store:
        await store.register(orchestrator_record(1), lease=0.3)
        closed = orchestrator_record(1, started="closed", lease=0.0)
        store.save(closed)
        await store.flush()
        commits = store.commits

        with fail_after(30):
            while store.commits < commits + 2:
                await checkpoint()

        assert await store.orchestrators() == [closed]
