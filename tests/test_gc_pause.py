"""Pauses of the garbage collector: while modules are loaded, and while many jobs run."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from asyncflow.gc_pause import (
    FEW,
    IS_IN_STEPS,
    NEVER,
    OFTEN,
    FullCollections,
    pause_gc,
)


@pytest.fixture(autouse=True)
def _collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("asyncflow.gc_pause._has_frozen", False)
    gc.unfreeze()
    yield
    gc.enable()
    gc.unfreeze()


def test_nothing_is_collected_meanwhile() -> None:
    with pause_gc():
        assert not gc.isenabled()

    assert gc.isenabled()


def test_an_error_ends_it() -> None:
    with pytest.raises(ImportError), pause_gc():
        raise ImportError

    assert gc.isenabled()


def test_a_collector_that_is_off_stays_off() -> None:
    gc.disable()

    with pause_gc():
        pass

    assert not gc.isenabled()


def test_what_was_made_is_old_and_is_collected() -> None:
    gc.collect()
    assert gc.get_freeze_count() < FEW

    with pause_gc():
        cycle: list[object] = []
        cycle.append(cycle)

    young = [*gc.get_objects(0), *gc.get_objects(1)]
    assert not any(one is cycle for one in young)
    assert any(one is cycle for one in gc.get_objects(2))
    assert gc.get_freeze_count() == 0


def test_what_the_program_froze_stays_frozen() -> None:
    gc.freeze()
    count = gc.get_freeze_count()

    with pause_gc():
        pass

    assert gc.get_freeze_count() >= count - 1000 > 0


def test_what_is_frozen_is_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    gc.freeze()
    counts: list[int] = []
    count = gc.get_freeze_count

    def counted() -> int:
        counts.append(count())
        return counts[-1]

    monkeypatch.setattr(gc, "get_freeze_count", counted)

    for _ in range(3):
        with pause_gc():
            pass

    assert len(counts) == 1
    assert counts[0] >= FEW


THRESHOLDS = (650, 9, 8)


@pytest.fixture
def full() -> Iterator[FullCollections]:
    before = gc.get_threshold()
    gc.set_threshold(*THRESHOLDS)
    full = FullCollections()
    yield full
    gc.set_threshold(*before)
    assert not any(getattr(call, "__self__", 0) is full for call in gc.callbacks)


def test_full_collections_wait_for_all_who_put_them_off(full: FullCollections) -> None:
    full.put_off()
    full.put_off()
    full.let_go()
    young, middle, _ = THRESHOLDS
    assert gc.get_threshold() == (young, middle if IS_IN_STEPS else OFTEN, NEVER)
    full.let_go()
    assert gc.get_threshold() == THRESHOLDS


def test_collections_that_come_more_often_already_do_so_still(
    full: FullCollections,
) -> None:
    gc.set_threshold(650, 1, 8)
    full.put_off()
    assert gc.get_threshold() == (650, 1, NEVER)
    full.let_go()
    assert gc.get_threshold() == (650, 1, 8)


def test_thresholds_that_somebody_else_sets_stay(full: FullCollections) -> None:
    full.put_off()
    gc.set_threshold(5, 6, 7)
    full.let_go()
    assert gc.get_threshold() == (5, 6, 7)


def test_a_full_collection_that_is_due_has_its_turn(
    full: FullCollections, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asyncflow.gc_pause.LONGEST", 0.0)
    gc.disable()  # there are no collections but ours

    full.put_off()
    assert gc.get_threshold() == THRESHOLDS  # none has had its turn so far
    gc.collect(0)
    assert gc.get_threshold()[2] == NEVER
    gc.collect(0)  # the time is up
    assert gc.get_threshold() == THRESHOLDS
    full.let_go()
    full.put_off()  # to put them off again is no way around it
    assert gc.get_threshold() == THRESHOLDS
    gc.collect(0)  # was its turn
    assert gc.get_threshold()[2] == NEVER
    full.let_go()


def test_no_full_collection_begins_among_many_jobs(full: FullCollections) -> None:
    """Half as many objects as there are, with thresholds that make one due at once."""
    gc.collect()
    gc.set_threshold(100, 1, 1)
    full.put_off()
    before = gc.get_stats()[2]["collections"]
    kept = [[] for _ in range(len(gc.get_objects()) // 2)]  # type: ignore[var-annotated]
    seen = gc.get_stats()[2]["collections"]
    full.let_go()
    kept += [[] for _ in range(1000)]

    assert seen == before
    assert IS_IN_STEPS or gc.get_stats()[2]["collections"] > seen
