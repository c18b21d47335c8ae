"""A database that is open: what becomes of questions while it cannot be written."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from anyio import fail_after, to_thread

from asyncflow.errors import NotOpen, StoreFailed, StoreUnavailable
from asyncflow.stores._open_database import OpenDatabase
from asyncflow.stores.sqlite import SqliteStore

pytestmark = pytest.mark.anyio


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[OpenDatabase]:
    store = SqliteStore(tmp_path / "runs.db")

    async with store:
        assert store._opened is not None
        yield store._opened


async def test_a_question_is_asked_again_while_the_database_is_busy(
    opened: OpenDatabase,
) -> None:
    tries = 0

    def ask(_: object) -> str:
        nonlocal tries
        tries += 1

        if tries < 2:
            raise StoreUnavailable("runs.db", "it is locked", "wait")

        return "found"

    with fail_after(20):
        assert await opened.answer(10.0, ask) == "found"

    tries = -9

    with pytest.raises(StoreUnavailable):
        await opened.answer(0.0, ask)


async def test_who_asks_one_that_is_left_is_told(opened: OpenDatabase) -> None:
    opened.is_left = True

    with pytest.raises(NotOpen, match="is not open"):
        await opened.answer(10.0, lambda _: None)


async def test_each_who_asks_gets_an_error_of_its_own(opened: OpenDatabase) -> None:
    opened.raise_failure()  # nothing to raise
    await to_thread.run_sync(opened.outage.fails, KeyError("a column"))
    first, second = opened.failure, opened.failure
    assert isinstance(first, StoreFailed)
    assert first is not second
    assert "could not be written" in str(first)
    opened.outage.failure = StoreFailed("runs.db", "the disk is full", "empty it")

    with pytest.raises(StoreFailed, match="the disk is full") as found:
        opened.raise_failure()

    assert found.value is not opened.outage.failure
    opened.outage.failure = None


async def test_a_store_for_which_no_thread_can_be_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name == "asyncflow-store":
            raise RuntimeError("can't start new thread")

        start(thread)

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)

        with pytest.raises(StoreFailed, match=r"can't start new thread.*ulimit -u"):
            async with SqliteStore(tmp_path / "runs.db"):
                pass

    async with SqliteStore(tmp_path / "runs.db"):
        pass
