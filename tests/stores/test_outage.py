"""What is known of a store that cannot be written: what, since when, how long it is tried."""

from __future__ import annotations

import time
from itertools import islice

import pytest

from asyncflow.errors import StoreFailed, StoreUnavailable
from asyncflow.stores._outage import LONGEST_PAUSE, PAUSE, StoreOutage

LOCKED = StoreUnavailable("runs.db", "it is locked", "wait")


def test_it_is_tried_for_ever_with_pauses_that_grow() -> None:
    outage = StoreOutage("runs.db")
    outage.begins(LOCKED)
    pauses = [*islice(outage.tries(), 8)]
    assert pauses == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0, 2.0]
    assert (pauses[0], pauses[-1]) == (PAUSE, LONGEST_PAUSE)


def test_the_begin_and_the_end_of_an_outage_are_news_once() -> None:
    outage = StoreOutage("runs.db")
    assert not outage.ends()
    assert [outage.begins(LOCKED) for _ in range(2)] == [True, False]
    found = [outage.problem]
    assert outage.ends()
    assert [*found, outage.problem] == [LOCKED, None]
    assert not outage.ends()


def test_who_leaves_has_so_much_time() -> None:
    outage = StoreOutage("runs.db", patience=3600.0)
    outage.begins(LOCKED)
    assert outage.time_left(5.0) == 5.0
    outage.expires(60.0)
    assert outage.time_left(5.0) == 5.0
    assert 59.0 < outage.time_left(1e9) <= 60.0
    outage.expires(3600.0)  # it becomes no longer
    assert outage.time_left(1e9) <= 60.0
    assert not outage.is_over_time()
    outage.expires(0.0)
    assert outage.is_over_time()
    assert [*outage.tries()] == [PAUSE]


def test_its_time_begins_when_that_was_said_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    outage = StoreOutage("runs.db", patience=60.0)
    outage.begins(LOCKED)
    outage.expires(60.0)
    now = 1040.0
    outage.expires(60.0)
    assert outage.time_left(1e9) == 20.0


def test_a_pause_ends_when_the_store_is_left() -> None:
    outage = StoreOutage("runs.db", patience=0.0)
    outage.begins(LOCKED)
    outage.expires(0.0)
    outage.wait(3600.0, lambda: False)
    assert outage.is_over_time()


def test_a_program_that_has_ended_is_as_if_it_left() -> None:
    outage = StoreOutage("runs.db", patience=0.0)
    outage.begins(LOCKED)
    outage.wait(3600.0, lambda: True)
    assert outage.is_over_time()


def test_what_was_lost_is_counted() -> None:
    for count, words in ((1, "1 change could not"), (7, "7 changes could not")):
        outage = StoreOutage("runs.db")
        outage.begins(LOCKED)
        outage.gives_up(count)
        assert type(outage.failure) is StoreFailed
        assert words in str(outage.failure)
        assert "it is locked; wait" in str(outage.failure)
        assert outage.problem is None


def test_a_store_that_is_being_opened_is_tried_for_its_patience(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    outage = StoreOutage("runs.db", patience=10.0)
    outage.is_opening = True
    tries = outage.tries()
    next(tries)
    now = 1600.0
    assert not outage.takes_long(2.0)  # a transaction may take its time
    assert not outage.is_over_time()

    outage.begins(LOCKED)
    next(tries)
    now = 1609.0
    outage.begins(LOCKED)
    next(tries)
    assert caplog.messages == [f"{LOCKED}: tried again for 10 s, as it is being opened"]
    now = 1610.0
    outage.begins(LOCKED)

    with pytest.raises(StopIteration):
        next(tries)

    outage.gives_up(2)
    assert str(outage.failure) == "the store runs.db failed: it is locked; wait"


def test_a_try_that_takes_long_is_outage() -> None:
    outage = StoreOutage("runs.db")
    assert not outage.takes_long(0.0)  # nothing is tried
    next(outage.tries())
    assert outage.is_trying
    assert not outage.takes_long(3600.0)
    assert outage.takes_long(0.0)
    assert "has not been written for 0 s" in str(outage.problem)
    assert not outage.takes_long(0.0)
    assert outage.ends()
    assert not outage.is_trying


def test_the_time_of_an_outage_begins_with_the_first_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    outage = StoreOutage("runs.db", patience=60.0)
    outage.expires(60.0)
    now = 1050.0  # the store was closed, and its last write fails only now
    outage.begins(LOCKED)
    assert outage.time_left(1e9) == 60.0
    now = 1070.0
    outage.begins(LOCKED)
    assert outage.time_left(1e9) == 40.0


def test_after_a_failure_nothing_is_tried_or_late() -> None:
    outage = StoreOutage("runs.db")
    next(outage.tries())
    error = ValueError("no")
    outage.fails(error)
    assert outage.failure is error
    assert not outage.is_trying
    assert not outage.takes_long(0.0)
