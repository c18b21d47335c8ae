"""How the writer of a store groups what it writes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from anyio import Event, fail_after, to_thread

from asyncflow.status import Status
from asyncflow.stores import _writer
from asyncflow.stores._writer import Writer
from asyncflow.stores.sqlite import SqliteStore
from tests.records import (
    ATTEMPTS,
    job_record,
    scenario_record,
    submission_record,
    version_record,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
def groups() -> list[Sequence[Sequence[int]]]:
    return []


@asynccontextmanager
async def writing(
    groups: list[Sequence[Sequence[int]]],
) -> AsyncIterator[Writer[Sequence[int]]]:
    """Start a writer that notes what it writes together."""
    writer = Writer[Sequence[int]](groups.append, "a test's")
    writer.start()

    try:
        yield writer
    finally:
        await to_thread.run_sync(writer.stop)


async def test_a_lone_change_is_written_though_nobody_waits() -> None:
    written = Event()
    changes: list[Sequence[int]] = []

    def write(group: Sequence[Sequence[int]]) -> None:
        changes.extend(group)
        loop.call_soon_threadsafe(written.set)

    writer = Writer[Sequence[int]](write, "a test's")
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

    writer = Writer[Sequence[int]](write, "a test's")
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
