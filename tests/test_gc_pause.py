"""A pause of the garbage collector while modules are loaded."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from asyncflow.gc_pause import FEW, pause_gc


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
