"""How the writer of a store groups what it writes."""

from __future__ import annotations

import sys
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest
from anyio import Event, create_task_group, fail_after, to_thread

from asyncflow.errors import StoreFailed, StoreUnavailable
from asyncflow.status import Status
from asyncflow.stores import _outage, _writer
from asyncflow.stores._writer import Gradual, Writer
from asyncflow.stores.sqlite import SqliteStore
from tests.support.records import (
    ATTEMPTS,
    job_record,
    node_record,
    orchestrator_record,
    scenario_record,
    submission_record,
    version_record,
)

pytestmark = pytest.mark.anyio


@attrs.define
class Target:
    """What a test writes to."""

    write: Callable[[Sequence[Any]], None]

    def interrupt(self) -> None:
        raise AssertionError("it takes for ever")

    def is_lease_due(self) -> bool:
        return False


class Bit(Gradual[Sequence[int]]):
    """Is written until that was done so many times."""

    def __init__(self, written: Sequence[Sequence[Sequence[int]]], times: int) -> None:
        super().__init__([-1])
        self.written = written
        self.times = times

    @property
    def is_done(self) -> bool:
        return len(self.written) >= self.times


@pytest.fixture
def groups() -> list[Sequence[Sequence[int]]]:
    return []


@asynccontextmanager
async def writing(
    groups: list[Sequence[Sequence[int]]],
) -> AsyncIterator[Writer[Sequence[int]]]:
    """Start a writer that notes what it writes together."""
    writer = Writer[Sequence[int]](Target(groups.append), "a test's")
    writer.start()

    try:
        yield writer
    finally:
        await to_thread.run_sync(writer.stop)


@pytest.mark.smoke
async def test_a_lone_change_is_written_though_nobody_waits() -> None:
    written = Event()
    changes: list[Sequence[int]] = []

    def write(group: Sequence[Sequence[int]]) -> None:
        changes.extend(group)
        loop.call_soon_threadsafe(written.set)

    writer = Writer[Sequence[int]](Target(write), "a test's")
    loop = writer._loop
    writer.start()

    try:
        writer.put([1])

        with fail_after(10):
            await written.wait()
    finally:
        await to_thread.run_sync(writer.stop)

    assert changes == [[1]]


async def test_who_waits_is_not_kept_waiting_by_a_rest(
    monkeypatch: pytest.MonkeyPatch, groups: list[Sequence[Sequence[int]]]
) -> None:
    monkeypatch.setattr(_writer, "REST", 3600.0)

    async with writing(groups) as writer:
        with fail_after(10):
            for number in range(3):
                writer.put([number])
                await writer.settle()

    assert groups == [[[0]], [[1]], [[2]]]


async def test_a_stream_is_written_in_large_groups(
    monkeypatch: pytest.MonkeyPatch, groups: list[Sequence[Sequence[int]]]
) -> None:
    monkeypatch.setattr(_writer, "REST", 3600.0)

    async with writing(groups) as writer:
        writer.put([-1])
        await writer.settle()

        for number in range(100):
            writer.put([number])
            await to_thread.run_sync(int)  # the loop's turn ends

        assert groups == [[[-1]]]

    assert groups == [[[-1]], [[number] for number in range(100)]]


async def test_a_long_stream_does_not_pile_up(
    monkeypatch: pytest.MonkeyPatch, groups: list[Sequence[Sequence[int]]]
) -> None:
    monkeypatch.setattr(_writer, "REST", 3600.0)
    monkeypatch.setattr(_writer, "GROUP", 10)
    written = Event()

    def write(group: Sequence[Sequence[int]]) -> None:
        groups.append(group)

        if len(groups) == 2:
            writer._loop.call_soon_threadsafe(written.set)

    writer = Writer[Sequence[int]](Target(write), "a test's")
    writer.start()

    try:
        writer.put([-1])
        await writer.settle()

        with fail_after(10):
            for number in range(10):
                writer.put([number])

            await written.wait()
    finally:
        await to_thread.run_sync(writer.stop)

    assert groups == [[[-1]], [[number] for number in range(10)]]


async def test_a_change_counts_for_its_rows(
    monkeypatch: pytest.MonkeyPatch, groups: list[Sequence[Sequence[int]]]
) -> None:
    monkeypatch.setattr(_writer, "REST", 3600.0)
    monkeypatch.setattr(_writer, "GROUP", 10)

    async with writing(groups) as writer:
        for number in range(5):
            writer.put([number] * 6)

        with fail_after(10):
            await writer.settle()

        writer.put([9] * 12)

        with fail_after(10):
            await writer.settle()

    assert groups == [[[0] * 6, [1] * 6], [[2] * 6, [3] * 6], [[4] * 6], [[9] * 12]]


async def test_who_waits_behind_a_full_transaction_is_not_kept_waiting(
    monkeypatch: pytest.MonkeyPatch, groups: list[Sequence[Sequence[int]]]
) -> None:
    monkeypatch.setattr(_writer, "REST", 3600.0)
    monkeypatch.setattr(_writer, "GROUP", 10)

    async with writing(groups) as writer:
        for _ in range(2):
            writer.put([1] * 10)

            with fail_after(10):
                await writer.settle()

    assert groups == [[[1] * 10], [[1] * 10]]


async def test_nothing_is_not_written(tmp_path: Path) -> None:
    async with SqliteStore(tmp_path / "runs.db") as store:
        store.save()
        await store.flush()
        assert store.commits == 0


@pytest.mark.parametrize("count", [1, 7, 8, 9, 64, 72, 513, 1100])
async def test_many_rows_are_written_with_few_statements(
    tmp_path: Path, count: int
) -> None:
    records = [job_record(number) for number in range(count)]
    records[count // 2] = job_record("x", reason="\udcff", traceback="\ud800")

    async with SqliteStore(tmp_path / "runs.db") as store:
        store.save(*records)
        store.save(*(one._replace(status=Status.FAILED) for one in records))
        assert await store.jobs() == [
            one._replace(status=Status.FAILED) for one in records
        ]


KEPT: dict[str, Sequence[bytes | str | None]] = {
    "values": [b"\0\xff", b""],
    "names": ["a", "", "no utf-8 \udcff"],
    "nothing": [None],
    "a value first": [b"1", None, "a"],
    "nothing first": [None, b"1", "a"],
    "a name first": ["a", b"1", None],
}


@pytest.mark.parametrize("kept", KEPT.values(), ids=KEPT)
async def test_rows_of_one_statement_need_not_be_alike(
    tmp_path: Path, kept: Sequence[bytes | str | None]
) -> None:
    made = [
        version_record(
            number,
            kept=kept[number % len(kept)],
            is_kept=number % 3 != 1,
            editor_id=None if number % 5 else "ann",
        )
        for number in range(75)
    ]

    async with SqliteStore(tmp_path / "runs.db") as store:
        store.save(*made)
        assert await store.versions() == made
        assert [type(one.kept) for one in await store.versions()] == [
            type(one.kept) for one in made
        ]


async def test_what_rows_have_alike_differs_in_others(tmp_path: Path) -> None:
    jobs = [
        job_record(
            number,
            submission_id="s" if number < 600 else f"s{number}",
            cpu_seconds=0.25,
            reason="why" if number == 640 else "",
            started=None if number % 64 else 1.5,
            peak_rss=None if number < 200 else 5,
            attempts=ATTEMPTS if number in (3, 700) else (),
        )
        for number in range(1000)
    ]

    async with SqliteStore(tmp_path / "runs.db") as store:
        store.save(*jobs)
        assert await store.jobs() == jobs


async def test_one_record_may_be_saved_many_times_at_once(tmp_path: Path) -> None:
    async with SqliteStore(tmp_path / "runs.db") as store:
        store.save(*[job_record(1)] * 70, *[version_record(1)] * 70)
        assert await store.jobs() == [job_record(1)]
        assert await store.versions() == [version_record(1)]


async def test_each_of_many_submissions_has_its_graph(tmp_path: Path) -> None:
    runs = [submission_record(number) for number in range(700)]

    async with SqliteStore(tmp_path / "runs.db") as store:
        store.save(scenario_record(1), *runs, job_record(1))
        assert await store.submissions() == runs


# ----------------------------------------------------------------- writes that fail

NOW = StoreUnavailable("x.db", "it is locked", "wait")
FINAL = StoreFailed("x.db", "it is damaged", "bring a copy back")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_outage, "PAUSE", 0.001)
    monkeypatch.setattr(_outage, "LONGEST_PAUSE", 0.002)


@attrs.define
class Flaky:
    """Writes, but for the times that an error stands for; once they are used up, always."""

    errors: list[Exception | None]
    tried: list[Sequence[int]] = attrs.field(init=False, factory=list)
    written: list[int] = attrs.field(init=False, factory=list)

    def write(self, group: Sequence[Sequence[int]]) -> None:
        rows = [row for change in group for row in change]
        self.tried.append(rows)

        if error := self.errors.pop(0) if self.errors else None:
            raise error

        self.written += rows


@pytest.mark.usefixtures("quick")
async def test_a_write_that_fails_for_now_is_tried_again_and_keeps_its_order() -> None:
    flaky = Flaky([None, NOW, NOW, NOW, None, NOW])
    writer = Writer[Sequence[int]](Target(flaky.write), "a test's")
    writer.start()

    try:
        for number in range(10):
            writer.put([number])

            with fail_after(10):
                await writer.settle()
    finally:
        await to_thread.run_sync(writer.stop)
        writer.closed()

    assert flaky.written == list(range(10))
    assert flaky.tried[1:5] == [[1]] * 4
    assert writer.failure is None
    assert writer.commits == 10


@pytest.mark.usefixtures("quick")
async def test_what_comes_meanwhile_waits_and_all_are_told_at_its_end() -> None:
    flaky = Flaky([NOW] * 20 + [FINAL])
    writer = Writer[Sequence[int]](Target(flaky.write), "a test's")
    writer.start()

    try:
        with fail_after(10):
            async with create_task_group() as group:
                for number in range(20):
                    writer.put([number])
                    group.start_soon(writer.settle)
    finally:
        await to_thread.run_sync(writer.stop)
        writer.closed()

    assert flaky.written == []
    assert writer.failure is FINAL
    assert set(map(tuple, flaky.tried)) == {tuple(flaky.tried[0])}


@pytest.mark.usefixtures("quick")
async def test_who_closes_waits_for_so_long_and_counts_what_is_lost() -> None:
    flaky = Flaky([NOW] * 1_000_000)
    writer = Writer[Sequence[int]](Target(flaky.write), "a test's")
    writer.start()
    writer.put([1, 2])
    writer.put([3])

    with fail_after(10):
        writer.close_soon(0.05)
        await writer.settle()
        await to_thread.run_sync(writer.stop)

    writer.closed()
    assert str(writer.failure) == (
        "the store x.db failed: 3 changes could not be written in time, and so are lost: "
        "it is locked; wait"
    )


async def test_what_was_written_though_that_failed_is_written_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection may be lost after the commit, before it was acknowledged."""
    monkeypatch.setattr(_outage, "PAUSE", 0.001)

    async with SqliteStore(tmp_path / "runs.db") as store:
        assert store._opened is not None
        database = store._opened.database
        lost: list[object] = []

        def write(changes: Sequence[Any]) -> None:
            database.write(changes)

            if not lost or changes is not lost[-1]:
                lost.append(changes)
                database._unsure, database._own_id = changes, own.id  # as it does
                raise NOW

        own, dead = orchestrator_record(1), orchestrator_record(2)
        await store.register(own)
        store.watch(None)
        store._opened.writer.target = Target(write)
        run = submission_record(1, orchestrator_id=own.id)
        store.save(scenario_record(1))
        assert await store.claim(run) == run
        theirs = await store.claim(run._replace(orchestrator_id="x", submitted=9.5))
        assert (theirs.orchestrator_id, theirs.submitted) == (own.id, 1.5)

        node = node_record(1, editor_id="ann", editor_expires=50.0)
        store.save(node_record(1), version_record(1, kept="large.value"), dead)
        store.save(job_record(1), job_record(1)._replace(reason="later"))
        assert await store.lock(node, now=10.0) == node
        left = submission_record(2, orchestrator_id=dead.id)
        store.save(left)
        await store.flush()
        await store.adopt(dead.id, own.id)
        found = await store.submissions(orchestrator_id=own.id)
        assert [one.id for one in found] == [run.id, left.id]
        assert [one.reason for one in await store.jobs()] == ["later"]
        assert await store.delete(node.id) == ["large.value"]
        assert await store.delete(own.id) == []
        assert len(lost) >= 6
        assert store.failure is None


async def test_what_is_done_bit_by_bit_keeps_nobody_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_writer, "REST", 0.0)
    bits: list[Sequence[Sequence[int]]] = []
    enough = Event()

    def write(group: Sequence[Sequence[int]]) -> None:
        bits.append(group)

        if bits.count([[-1]]) == 5:
            loop.call_soon_threadsafe(enough.set)

    writer = Writer[Sequence[int]](Target(write), "a test's")
    loop = writer._loop
    writer.start()

    try:
        with fail_after(10):
            writer.put_gradually(Bit(bits, 5))
            assert writer.is_settled
            await enough.wait()
            writer.put([7])
            await writer.settle()
    finally:
        await to_thread.run_sync(writer.stop)

    assert bits == [[[-1]]] * 5 + [[[7]]]


async def test_who_waits_waits_for_no_bit_of_what_is_done_beside() -> None:
    """A bit has a transaction of its own, as has what comes meanwhile."""
    bits: list[Sequence[Sequence[int]]] = []
    begun, put = threading.Event(), threading.Event()

    def write(group: Sequence[Sequence[int]]) -> None:
        bits.append(group)

        if len(bits) == 2:
            begun.set()
            assert put.wait(10)

    writer = Writer[Sequence[int]](Target(write), "a test's")
    writer.start()

    try:
        with fail_after(10):
            writer.put_gradually(Bit(bits, sys.maxsize))
            writer.put_gradually(Bit(bits, sys.maxsize))
            await to_thread.run_sync(begun.wait)
            writer.put([7])
            put.set()
            await writer.settle()
    finally:
        await to_thread.run_sync(writer.stop)

    assert bits[:3] == [[[-1]], [[-1]], [[7]]]


async def test_what_is_done_bit_by_bit_ends_with_the_writer() -> None:
    bits: list[Sequence[Sequence[int]]] = []
    writer = Writer[Sequence[int]](Target(bits.append), "a test's")
    writer.start()
    writer.put_gradually(Bit(bits, sys.maxsize))

    with fail_after(10):
        await to_thread.run_sync(writer.stop)

    assert all(bit == [[-1]] for bit in bits)


async def test_what_is_done_bit_by_bit_ends_where_nothing_can_be_written() -> None:
    tries: list[Sequence[Sequence[int]]] = []

    def write(group: Sequence[Sequence[int]]) -> None:
        tries.append(group)
        raise StoreFailed("file", "problem", "remedy")

    writer = Writer[Sequence[int]](Target(write), "a test's")
    writer.start()

    try:
        writer.put_gradually(Bit(tries, sys.maxsize))

        with fail_after(10):
            while writer.failure is None:
                writer.put([1])
                await writer.settle()
    finally:
        await to_thread.run_sync(writer.stop)

    assert len(tries) == 1
