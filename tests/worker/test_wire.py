"""How calls travel to a worker, and what comes of them back."""

from __future__ import annotations

import pickle
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncflow.drivers.in_memory import MemoryDriver
from asyncflow.worker import current, trip, wire
from asyncflow.worker.outcome import (
    Outcome,
    Printed,
    Raised,
    Returned,
    Usage,
)
from asyncflow.worker.wire import Answer, End
from tests.support.calls import remote_call, sent

ROWS = st.tuples(
    st.lists(st.none() | st.binary(max_size=5) | st.text(max_size=5)).map(tuple),
    st.none() | st.builds(Printed, st.text(max_size=5), st.integers(0, 9)),
    st.floats(0, 1e10),
    st.floats(0, 10),
    st.floats(0, 10),
    st.integers(0, 2**50),
)
RAISED = st.builds(
    Raised,
    st.text(max_size=5),
    st.just("Traceback"),
    st.none() | st.binary(max_size=5),
    st.none(),
    st.just(Usage(1.0, 2.0, None, None)),
)
TOLD = st.lists(st.none() | ROWS | RAISED)


class Fragile(MemoryDriver):
    """A driver that travels, and may not arrive."""

    sound = True

    def __reduce__(self) -> tuple[object, ...]:
        return arrive, ()


def arrive() -> Fragile:
    if not Fragile.sound:
        raise ModuleNotFoundError("not here")

    return Fragile()


class Counted(MemoryDriver):
    """A driver that knows how often it was pickled."""

    count = 0

    def __reduce__(self) -> tuple[object, ...]:
        Counted.count += 1
        return Counted, ()


@pytest.fixture(autouse=True)
def _no_job_runs_on() -> Iterator[None]:
    yield
    current.end()


@given(told=TOLD, end=st.integers(0, 2**40))
def test_an_answer_arrives_as_the_spool_has_it(told: list[End], end: int) -> None:
    answer = Answer()

    for one in told:
        answer.add(one)

    spooled = [pickle.dumps((end, one), 5) for one in told]
    found = wire.read_answer(answer.pack(end))

    assert tuple(found) == (end, wire.read_outcomes(spooled)[1], "", "", None, True)
    assert found.outcomes == [arrived(one) for one in told]
    assert list(map(type, found.outcomes)) == [type(arrived(one)) for one in told]


def arrived(told: End) -> Outcome | None:
    if told is None or isinstance(told, Raised):
        return told

    kept, printed, at, wall, cpu, peak = told
    return Returned(kept, printed, Usage(at, wall, cpu, peak))


@pytest.mark.smoke
def test_a_call_lacks_what_a_failed_one_should_have_made() -> None:
    driver = MemoryDriver()
    answer = Answer()
    failed = []

    for told in (
        ((b"one", b"two"), None, 0.0, 0.0, 0.0, 0),
        Raised("ValueError", "", None),
        None,
    ):
        answer.add(told)
        failed.append(answer.has_failed)

    assert failed == [False, True, True]
    assert answer.made((0, 1)) == b"two"
    assert not answer.lacks((("a", driver, (0, 1)), ("b", driver, b"kept")))
    assert answer.lacks((("a", driver, (0, 1)), ("b", driver, (1, 0))))
    assert answer.lacks((("a", driver, (2, 0)),))


def test_a_driver_is_pickled_once() -> None:
    driver = Counted()
    calls = [remote_call((("a", driver, b"kept"),), (("b", driver, "path"),))] * 3

    request = wire.pack(
        (7, 10, False, False, tuple(zip(*calls, strict=True)), None, None)
    )
    wire.pack((8, 10, False, False, tuple(zip(*calls, strict=True)), None, None))
    number, most, looks, tells, columns, *_told = pickle.loads(request)

    assert Counted.count == 1
    assert (number, most, looks, tells) == (7, 10, False, False)
    drivers = {
        id(port[1]) for one in zip(*columns, strict=True) for port in (*one[4], *one[5])
    }
    assert len(drivers) == 1
    assert [one[:4] for one in zip(*columns, strict=True)] == [one[:4] for one in calls]


def test_a_driver_that_cannot_be_loaded_fails_its_own_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sound, fragile = MemoryDriver(), Fragile()
    kept = pickle.dumps(42)
    calls = [
        remote_call((("a", sound, kept),), (("b", sound, "path"),)),
        remote_call((("a", fragile, kept),), (("b", sound, "path"),)),
        remote_call((("a", sound, kept),), (("b", fragile, "path"),)),
    ]
    request = wire.pack(
        (0, 10, False, False, tuple(zip(*calls, strict=True)), None, None)
    )
    wire.load_driver.cache_clear()
    monkeypatch.setattr(Fragile, "sound", False)
    arrived = list(zip(*pickle.loads(request)[4], strict=True))

    good, *bad = [trip.execute(one, Answer(), sent) for one in arrived]

    assert good == (pickle.dumps(21, 5),)
    assert [isinstance(one, Raised) and one.summary for one in bad] == [
        "ModuleNotFoundError: not here"
    ] * 2

    monkeypatch.setattr(Fragile, "sound", True)
    again = [trip.execute(one, Answer(), sent) for one in arrived]
    assert again == [good] * 3
