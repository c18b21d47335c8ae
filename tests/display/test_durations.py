"""Durations as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncflow.display.durations import duration, offset, step


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0 µs"),
        (25e-6, "25 µs"),
        (0.0851, "85.1 ms"),
        (0.9996, "1.0 s"),
        (1.24, "1.2 s"),
        (59.96, "1 m 00 s"),
        (125, "2 m 05 s"),
        (3720, "1 h 02 m"),
        (90_000, "1 d 1 h"),
    ],
)
def test_a_duration_has_two_units_at_most(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "each", "text"),
    [
        (0, 1, "0"),
        (0.0002, 1e-4, "200 µs"),
        (0.0025, 5e-4, "2.5 ms"),
        (0.5, 0.5, "500 ms"),
        (1.5, 0.5, "1.5 s"),
        (90, 30, "1 m 30 s"),
        (120, 60, "2 m"),
        (5400, 1800, "1 h 30 m"),
        (7200, 3600, "2 h"),
        (129_600, 43_200, "1 d 12 h"),
        (172_800, 86_400, "2 d"),
    ],
)
def test_a_place_is_written_as_short_as_its_steps_allow(
    seconds: float, each: float, text: str
) -> None:
    assert offset(seconds, each) == text


@given(st.floats(1e-7, 1e12))
def test_a_step_is_long_enough_and_not_much_longer(least: float) -> None:
    found = step(least)
    assert found >= least
    assert found <= 2.6 * least or found <= 1e-6
