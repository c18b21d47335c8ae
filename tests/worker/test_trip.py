"""Trips: a worker reads inputs, calls functions, keeps outputs, and says what came of it."""

from __future__ import annotations

import linecache
import os
import pickle
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from asyncflow.drivers.in_memory import MemoryDriver
from asyncflow.drivers.pickle import PickleDriver
from asyncflow.worker import codec, current, trip
from asyncflow.worker.errors import ValueMissing
from asyncflow.worker.outcome import (
    Raised,
    StoredValue,
)
from asyncflow.worker.trip import Failure, read_input, run_coroutine
from asyncflow.worker.wire import Answer, Input, Output
from tests.support.calls import half, remote_call, sent


def test_functions_that_a_worker_keeps_are_bounded_by_their_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept: dict[bytes, object] = {}
    monkeypatch.setattr(trip, "_functions", kept)

    for number in range(10):
        code = codec.dumps(partial(len, number.to_bytes(4_000_000, "little")))
        assert trip._load_function(code)[0]() == 4_000_000
        assert code in kept
        assert sum(map(len, kept)) <= trip.REMEMBERED_BYTES

    code = codec.dumps(partial(len, bytes(trip.REMEMBERED_BYTES)))
    trip._load_function(code)
    assert list(kept) == [code]


def test_sources_that_a_worker_keeps_are_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept: dict[str, None] = {}
    monkeypatch.setattr(trip, "_sources", kept)

    for number in range(trip.REMEMBERED + 50):
        trip._remember_sources({"<often>": "pass\n", f"<cell {number}>": "pass\n"})

    assert len(kept) == trip.REMEMBERED
    assert "<cell 0>" not in linecache.cache
    assert linecache.getline("<often>", 1) == "pass\n"

    for name in kept:
        del linecache.cache[name]


class Unpublished(PickleDriver):
    """A driver that cannot make visible what it has written."""

    def publish(self, kept: StoredValue, path: str) -> StoredValue:
        raise OSError(f"{path} cannot be published")


def nothing(_: object) -> bytes:
    return bytes(100_000)


@pytest.fixture(autouse=True)
def _no_job_runs_on() -> Iterator[None]:
    yield
    current.end()


def test_what_is_not_published_leaves_no_file(tmp_path: Path) -> None:
    path = str(tmp_path / "value")
    driver = Unpublished()
    kept = pickle.dumps(0)

    outcome = trip.execute(
        remote_call((("a", driver, kept),), (("b", driver, path),), nothing),
        Answer(),
        sent,
    )

    assert isinstance(outcome, Raised)
    assert outcome.summary == f"OSError: {path} cannot be published"
    assert os.listdir(tmp_path) == []


def test_more_functions_than_are_kept_are_loaded_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(trip, "REMEMBERED", 1)
    driver = MemoryDriver()
    inputs: tuple[Input, ...] = (("a", driver, pickle.dumps(6)),)
    outputs: tuple[Output, ...] = (("b", driver, "path"),)

    for function, expected in [(half, 3), (abs, 6), (half, 3), (half, 3)]:
        found = trip.execute(remote_call(inputs, outputs, function), Answer(), sent)
        assert found == (pickle.dumps(expected, 5),)


# ------------------------------------------------------------- inputs and outputs


def test_an_input_that_cannot_be_read_is_named() -> None:
    with pytest.raises(ValueMissing) as found:
        read_input("work", "rows", MemoryDriver(), "/gone/1.value")

    assert found.value.__notes__ == ["while reading input 'rows' of task 'work'"]


# ---------------------------------------------------------------------- what is raised


def executed(function: object, memory: int | None = None) -> object:
    inputs: tuple[Input, ...] = (("a", MemoryDriver(), pickle.dumps(6)),)
    job_id, task, attempt, code, *_ = remote_call((), (), function)
    call = job_id, task, attempt, code, inputs, (), None, memory, None
    return trip.execute(call, Answer(), sent)


async def add(value: int) -> int:
    return value + 1


def wrapped(value: int) -> object:
    return add(value)


def fail(_: object) -> None:
    raise KeyboardInterrupt("by hand")


def run_out(_: object) -> None:
    raise MemoryError


def test_what_a_function_raises_is_what_came_of_it() -> None:
    outcome = executed(fail)
    assert isinstance(outcome, Raised)
    assert outcome.summary == "KeyboardInterrupt: by hand"
    assert outcome.traceback.count("File ") == 1


def test_a_plain_wrapper_of_an_async_function_is_awaited() -> None:
    assert executed(wrapped) == ()
    assert run_coroutine(add(1)) == 2


def test_what_was_too_little_memory_is_said() -> None:
    outcome = executed(run_out, memory=500_000_000)
    assert isinstance(outcome, Raised)
    assert outcome.summary == (
        "it took more than its memory_limit of 500000000 bytes (MemoryError)"
    )
    keeping = Failure(MemoryError(), None, is_keeping=True)
    told = keeping.described((("rows", MemoryDriver(), "path"),), None)
    assert told.summary == "MemoryError: while its value was kept ('rows')"
