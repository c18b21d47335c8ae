"""Periods of time as texts."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from asyncflow.config.periods import from_text, to_text

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("1d2h3m4s", timedelta(days=1, hours=2, minutes=3, seconds=4)),
        ("1d2h3m4s:timedelta", timedelta(days=1, hours=2, minutes=3, seconds=4)),
        ("1d0h0m0s:timedelta", timedelta(days=1)),
        ("90m", timedelta(minutes=90)),
        ("36h", timedelta(hours=36)),
        ("2d", timedelta(days=2)),
        ("0.25s", timedelta(seconds=0.25)),
        ("1m0.000001s", timedelta(minutes=1, microseconds=1)),
        ("3600s:timedelta", HOUR),
        ("0d00h01m", timedelta(minutes=1)),
        ("0s", timedelta()),
    ],
)
def test_periods(text: str, period: timedelta) -> None:
    assert from_text(text) == period


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "d",
        ":timedelta",
        "-1d",
        "1 d",
        "1d ",
        " 1d",
        "1d\n",
        "1D",
        "1s1m",
        "1d1d",
        "1.5d",
        ".5s",
        "1.s",
        "0.0000001s",
        "1e3s",
        "1w",
        "1d:",
        "1d:int",
        "1d:timedelta:timedelta",
        "1000000000d",
        "9" * 18 + "h",
        pytest.param("9" * 5000 + "s", id="more digits than int takes"),
        "\N{ARABIC-INDIC DIGIT ONE}d",
    ],
)
def test_what_is_no_period(text: str) -> None:
    assert from_text(text) is None


PERIODS = st.timedeltas(min_value=timedelta.resolution)


@given(PERIODS)
@example(timedelta.max)
@example(timedelta.resolution)
def test_any_period_makes_the_round_trip(period: timedelta) -> None:
    text = to_text(period)
    assert from_text(text) == period
    assert from_text(f"{text}:timedelta") == period


@given(st.text("0123456789.dhms:-timedl ", max_size=30) | st.text())
def test_any_text_is_a_period_or_not(text: str) -> None:
    period = from_text(text)
    assert period is None or from_text(to_text(period)) == period
