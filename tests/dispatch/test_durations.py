"""How fast functions are: an estimate for each, and a bound for what is remembered."""

from __future__ import annotations

import pytest

from asyncflow.dispatch import durations
from asyncflow.dispatch.durations import (
    MAX_SHORT,
    REMEMBERED_BYTES,
    DurationEstimate,
    DurationEstimates,
)


def test_a_function_is_short_once_that_is_known() -> None:
    estimate = DurationEstimate()
    assert not estimate.is_short
    estimate.add(MAX_SHORT)
    assert estimate.is_short


def test_a_long_job_weighs_more_than_a_short_one() -> None:
    estimate = DurationEstimate(1.0)
    estimate.add(3.0)
    assert estimate.seconds == pytest.approx(2.0)
    estimate.add(1.0)
    assert estimate.seconds == pytest.approx(1.9)


def test_so_many_estimates_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(durations, "REMEMBERED", 2)
    known = DurationEstimates()
    first, second, _ = [known.of(code)[0] for code in (b"a", b"b", b"c")]
    assert known.of(b"b")[0] is second
    assert known.of(b"a")[0] is not first


def test_functions_that_are_remembered_are_bounded_by_their_size() -> None:
    paces = DurationEstimates()
    small = bytes(100)
    pace, code = paces.of(small)
    assert code is small

    for number in range(20):
        large = number.to_bytes(4_000_000, "little")
        assert paces.of(large)[1] is large
        again = paces.of(number.to_bytes(4_000_000, "little"))
        assert again == (paces.of(large)[0], large)
        assert again[1] is large

    assert sum(map(len, paces._codes.values())) == paces._size <= REMEMBERED_BYTES
    assert paces.of(bytes(100))[0] is pace  # an estimate is remembered for longer

    huge = bytes(REMEMBERED_BYTES + 1)
    assert paces.of(huge)[1] is huge
    assert paces._size <= REMEMBERED_BYTES
