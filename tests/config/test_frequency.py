"""Into which periods instants fall: half-open, whatever the clocks do."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncflow import Calendar, Frequency, UsageError
from asyncflow.config.frequency import name_of, period_of

ZONES = (
    *("UTC", "Europe/Paris", "America/New_York", "Australia/Lord_Howe"),
    *("America/Sao_Paulo", "Asia/Beirut", "Pacific/Apia", "Asia/Kolkata"),
)
"""Among them those whose clocks change at midnight, by half an hour, and by a day."""

PARIS = ZoneInfo("Europe/Paris")

INSTANTS = st.integers(-600_000_000, 4_000_000_000).map(
    lambda seconds: datetime.fromtimestamp(seconds, UTC)
)
CALENDARS: st.SearchStrategy[object] = st.one_of(
    st.sampled_from(Frequency),
    st.builds(
        Calendar,
        st.sampled_from(Frequency),
        st.integers(0, 24 * 60 - 1).map(lambda minutes: timedelta(minutes=minutes)),
    ),
    st.builds(
        Calendar,
        st.just(Frequency.YEARLY),
        st.just(timedelta(days=5)),
        months=st.integers(-12, 12),
    ),
)


@given(CALENDARS, INSTANTS, st.sampled_from(ZONES))
def test_each_instant_is_in_one_period(
    frequency: object, instant: datetime, zone_name: str
) -> None:
    zone = ZoneInfo(zone_name)
    found = period_of(frequency, instant, zone)
    assert found.start <= instant < found.end
    assert found.start.tzinfo is found.end.tzinfo is UTC

    last = found.end - timedelta(microseconds=1)

    for other in (found.start, last):
        assert period_of(frequency, other, zone) == found

    after = period_of(frequency, found.end, zone)
    assert after.start == found.end
    before = period_of(frequency, found.start - timedelta(microseconds=1), zone)
    assert before.end == found.start


@given(st.sampled_from(Frequency), INSTANTS, st.sampled_from(ZONES))
def test_periods_begin_with_a_day(
    frequency: Frequency, instant: datetime, zone_name: str
) -> None:
    zone = ZoneInfo(zone_name)
    start = period_of(frequency, instant, zone).start
    before = start - timedelta(microseconds=1)
    assert before.astimezone(zone).date() < start.astimezone(zone).date()


@pytest.mark.parametrize(
    ("frequency", "name", "first", "end"),
    [
        (Frequency.DAILY, "2026-02-28", date(2026, 2, 28), date(2026, 3, 1)),
        (Frequency.WEEKLY, "2026-W09", date(2026, 2, 23), date(2026, 3, 2)),
        (Frequency.MONTHLY, "2026-02", date(2026, 2, 1), date(2026, 3, 1)),
        (Frequency.QUARTERLY, "2026-Q1", date(2026, 1, 1), date(2026, 4, 1)),
        (Frequency.YEARLY, "2026", date(2026, 1, 1), date(2027, 1, 1)),
    ],
)
def test_the_periods_of_a_day(
    frequency: Frequency, name: str, first: date, end: date
) -> None:
    found = period_of(frequency, datetime(2026, 2, 28, 23, 59, 59, tzinfo=PARIS), PARIS)
    assert (found.frequency, found.name) == (frequency.value, name)
    assert found.start.astimezone(PARIS) == datetime.combine(
        first, datetime.min.time(), PARIS
    )
    assert found.end.astimezone(PARIS).date() == end


def test_days_are_23_and_25_hours_long() -> None:
    hours = [
        (found.end - found.start) / timedelta(hours=1)
        for day in (date(2026, 3, 29), date(2026, 10, 25), date(2026, 10, 26))
        for found in [
            period_of(
                Frequency.DAILY,
                datetime(day.year, day.month, day.day, 12, tzinfo=PARIS),
                PARIS,
            )
        ]
    ]
    assert hours == [23, 25, 24]


def test_a_week_of_two_years() -> None:
    found = period_of(Frequency.WEEKLY, datetime(2027, 1, 1, tzinfo=UTC), UTC)
    assert (found.name, found.start.date()) == ("2026-W53", date(2026, 12, 28))


def test_a_calendar_begins_later() -> None:
    fiscal = Calendar(Frequency.YEARLY, months=3)
    found = period_of(fiscal, datetime(2026, 3, 31, 23, tzinfo=UTC), UTC)
    assert (found.start.date(), found.end.date()) == (
        date(2025, 4, 1),
        date(2026, 4, 1),
    )
    assert (found.frequency, found.name) == (
        "YEARLY+3mo",
        "YEARLY+3mo 2025-04-01 00:00:00",
    )

    at_six = Calendar(Frequency.DAILY, timedelta(hours=6))
    found = period_of(at_six, datetime(2026, 5, 2, 5, 59, tzinfo=UTC), UTC)
    assert found.start == datetime(2026, 5, 1, 6, tzinfo=UTC)
    assert found.frequency == "DAILY+21600s"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((Frequency.DAILY, timedelta(days=1)), "less than 1 day"),
        ((Frequency.WEEKLY, timedelta(-1)), "at least 0"),
        ((Frequency.DAILY, timedelta(), 1), "has no months"),
        (("HOURLY",), "HOURLY"),
    ],
)
def test_what_is_no_calendar(given: tuple[Any, ...], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Calendar(*given)


class TwoDays:
    """A calendar of a user's: pairs of days."""

    name = "two_days"

    def period(self, instant: datetime) -> tuple[datetime, datetime]:
        ordinal = instant.toordinal() // 2 * 2
        start = datetime.combine(date.fromordinal(ordinal), datetime.min.time())
        return start, start + timedelta(days=2)


def test_a_calendar_of_the_users() -> None:
    found = period_of(TwoDays(), datetime(2026, 5, 2, 12, tzinfo=UTC), PARIS)
    assert found.end - found.start == timedelta(days=2)
    assert found.frequency == "two-days"
    assert name_of(object()) == "object"


def test_a_calendar_that_is_wrong_is_named() -> None:
    class Wrong:
        def period(self, instant: datetime) -> tuple[datetime, datetime]:
            return instant + timedelta(1), instant + timedelta(2)

    with pytest.raises(UsageError, match=r"Wrong.*is in the period from"):
        period_of(Wrong(), datetime(2026, 5, 2, tzinfo=UTC), UTC)
