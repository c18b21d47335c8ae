"""What is known of a store that cannot be written: what, since when, how long it is tried."""

from __future__ import annotations

import time
from itertools import islice

import pytest

from asyncflow.errors import StoreFailed, StoreUnavailable
from asyncflow.stores._trouble import LONGEST_PAUSE, PAUSE, Trouble

LOCKED = StoreUnavailable("runs.db", "it is locked", "wait")


def test_it_is_tried_for_ever_with_pauses_that_grow() -> None:
    trouble = Trouble("runs.db")
    trouble.begins(LOCKED)
    pauses = [*islice(trouble.tries(), 8)]
    assert pauses == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0, 2.0]
    assert (pauses[0], pauses[-1]) == (PAUSE, LONGEST_PAUSE)


def test_the_begin_and_the_end_of_trouble_are_news_once() -> None:
    trouble = Trouble("runs.db")
    assert not trouble.ends()
    assert [trouble.begins(LOCKED) for _ in range(2)] == [True, False]
    found = [trouble.problem]
    assert trouble.ends()
    assert [*found, trouble.problem] == [LOCKED, None]
    assert not trouble.ends()


def test_who_leaves_has_so_much_time() -> None:
    trouble = Trouble("runs.db", patience=3600.0)
    trouble.begins(LOCKED)
    assert trouble.time_left(5.0) == 5.0
    trouble.expires(60.0)
    assert trouble.time_left(5.0) == 5.0
    assert 59.0 < trouble.time_left(1e9) <= 60.0
    trouble.expires(3600.0)  # it becomes no longer
    assert trouble.time_left(1e9) <= 60.0
    assert not trouble.is_over_time()
    trouble.expires(0.0)
    assert trouble.is_over_time()
    assert [*trouble.tries()] == [PAUSE]


def test_its_time_begins_when_that_was_said_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    trouble = Trouble("runs.db", patience=60.0)
    trouble.begins(LOCKED)
    trouble.expires(60.0)
    now = 1040.0
    trouble.expires(60.0)
    assert trouble.time_left(1e9) == 20.0


def test_a_pause_ends_when_the_store_is_left() -> None:
    trouble = Trouble("runs.db", patience=0.0)
    trouble.begins(LOCKED)
    trouble.expires(0.0)
    trouble.wait(3600.0, lambda: False)
    assert trouble.is_over_time()


def test_a_program_that_has_ended_is_as_if_it_left() -> None:
    trouble = Trouble("runs.db", patience=0.0)
    trouble.begins(LOCKED)
    trouble.wait(3600.0, lambda: True)
    assert trouble.is_over_time()


def test_what_was_lost_is_counted() -> None:
    for count, words in ((1, "1 change could not"), (7, "7 changes could not")):
        trouble = Trouble("runs.db")
        trouble.begins(LOCKED)
        trouble.gives_up(count)
        assert type(trouble.failure) is StoreFailed
        assert words in str(trouble.failure)
        assert "it is locked; wait" in str(trouble.failure)
        assert trouble.problem is None


def test_a_store_that_is_opened_is_tried_once() -> None:
    trouble = Trouble("runs.db")
    trouble.is_opening = True
    tries = trouble.tries()
    next(tries)
    trouble.begins(LOCKED)

    with pytest.raises(StopIteration):
        next(tries)

    trouble.gives_up(2)
    assert str(trouble.failure) == "the store runs.db failed: it is locked; wait"


def test_a_try_that_takes_long_is_trouble() -> None:
    trouble = Trouble("runs.db")
    assert not trouble.takes_long(0.0)  # nothing is tried
    next(trouble.tries())
    assert trouble.is_trying
    assert not trouble.takes_long(3600.0)
    assert trouble.takes_long(0.0)
    assert "has not been written for 0 s" in str(trouble.problem)
    assert not trouble.takes_long(0.0)
    assert trouble.ends()
    assert not trouble.is_trying


def test_the_time_of_trouble_begins_with_the_first_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    trouble = Trouble("runs.db", patience=60.0)
    trouble.expires(60.0)
    now = 1050.0  # the store was closed, and its last write fails only now
    trouble.begins(LOCKED)
    assert trouble.time_left(1e9) == 60.0
    now = 1070.0
    trouble.begins(LOCKED)
    assert trouble.time_left(1e9) == 40.0


def test_after_a_failure_nothing_is_tried_or_late() -> None:
    trouble = Trouble("runs.db")
    next(trouble.tries())
    error = ValueError("no")
    trouble.fails(error)
    assert trouble.failure is error
    assert not trouble.is_trying
    assert not trouble.takes_long(0.0)
