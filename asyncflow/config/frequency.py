"""Frequencies: into which periods of a calendar scenarios fall.

Periods are half-open: the first instant is in one, the end in the next. They begin when
the clocks of a time zone say so, whatever these are set to in between.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import Protocol, TypeAlias

import attrs

from asyncflow.errors import UsageError

Period: TypeAlias = tuple[datetime, datetime]
"""The first instant, and the first one after it."""


class Periods(Protocol):
    """A calendar of the user's."""

    def period(self, instant: datetime) -> Period:
        """Return the period that an instant is in.

        :param instant: in the time zone of the store
        :return: its first instant, and the first one after it; without a time zone they
            are in that of the store
        """
        ...


class Frequency(StrEnum):
    """How often a period begins, at midnight."""

    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    """On Mondays."""
    MONTHLY = "MONTHLY"
    QUARTERLY = "QUARTERLY"
    YEARLY = "YEARLY"


_MONTHS = {Frequency.MONTHLY: 1, Frequency.QUARTERLY: 3, Frequency.YEARLY: 12}
_DAYS = {Frequency.DAILY: 1, Frequency.WEEKLY: 7}


@attrs.frozen
class Calendar:
    """Periods of a frequency that begin later: days at 6, years in April.

    ``Calendar(Frequency.DAILY, timedelta(hours=6))``,
    ``Calendar(Frequency.YEARLY, months=3)``.

    :param offset: how much later than midnight
    :param months: how many months later; for months, quarters and years
    """

    frequency: Frequency = attrs.field(converter=Frequency)
    offset: timedelta = timedelta()
    months: int = 0

    def __attrs_post_init__(self) -> None:
        offset: object = self.offset

        if not isinstance(offset, timedelta):
            raise TypeError(
                f"offset is a timedelta, such as timedelta(hours=6); got {offset!r}"
            )

        if type(self.months) is not int:
            raise TypeError(f"months is how many months, an int; got {self.months!r}")

        if self.months and self.frequency in _DAYS:
            raise ValueError(
                f"a {self.frequency} calendar has no months to begin later"
            )

        longest = timedelta(days=_DAYS.get(self.frequency, 28))

        if not timedelta() <= self.offset < longest:
            raise ValueError(
                f"offset is at least 0 and less than {longest} for {self.frequency}; got "
                f"{self.offset!r}"
            )

    def first(self, day: date) -> date:
        """Return the first day of the period that a day is in, without the offset."""
        if self.frequency is Frequency.DAILY:
            return day

        if self.frequency is Frequency.WEEKLY:
            return day - timedelta(days=day.weekday())

        size = _MONTHS[self.frequency]
        month = 12 * day.year + day.month - 1 - self.months
        return _month(month - month % size + self.months)

    def next(self, first: date) -> date:
        """Return the first day of the next period."""
        if days := _DAYS.get(self.frequency):
            return first + timedelta(days=days)

        return _month(12 * first.year + first.month - 1 + _MONTHS[self.frequency])

    def begins(self, first: date, zone: tzinfo) -> datetime:
        """Return the first instant of a period, in UTC."""
        at = datetime.combine(first, time()) + self.offset
        return at.replace(tzinfo=zone).astimezone(UTC)

    def period(self, instant: datetime) -> Period:
        """Return the period that an instant is in, in UTC.

        :param instant: in the time zone of the store
        """
        zone = instant.tzinfo
        assert zone is not None
        first = self.first((instant.replace(tzinfo=None) - self.offset).date())
        start = self.begins(first, zone)
        end = self.begins(self.next(first), zone)

        while instant < start:  # the clocks were put forward over its beginning
            first = self.first(first - timedelta(days=1))
            start, end = self.begins(first, zone), start

        while end <= instant:  # the clocks were put back over its end
            first = self.next(first)
            start, end = end, self.begins(self.next(first), zone)

        return start, end

    @property
    def name(self) -> str:
        """What tells its cycles from those of others."""
        months = f"+{self.months}mo" if self.months else ""
        seconds = int(self.offset.total_seconds())
        return f"{self.frequency}{months}{f'+{seconds}s' if seconds else ''}"


@attrs.frozen
class CyclePeriod:
    """The period of a scenario: what its cycle is made from."""

    frequency: str
    """What tells the cycles of a frequency from others."""
    name: str
    """How people call it: ``2026-05``."""
    start: datetime
    """In UTC."""
    end: datetime


def period_of(frequency: object, instant: datetime, zone: tzinfo) -> CyclePeriod:
    """Return the period that an instant is in.

    :param frequency: a `Frequency`, a `Calendar`, or an object of the user's
    :raises UsageError: where that object gives none that the instant is in
    """
    local = instant.astimezone(zone)

    if isinstance(frequency, str):
        calendar = Calendar(Frequency(frequency))
        start, end = calendar.period(local)
        name = _NAMES[calendar.frequency](start.astimezone(zone).date())
        return CyclePeriod(str(calendar.frequency), name, start, end)

    period: Callable[[datetime], Period] = frequency.period  # type: ignore[attr-defined]  # checked
    start, end = (_in_utc(instant, zone) for instant in period(local))
    kind = name_of(frequency)

    if not start <= instant < end:
        raise UsageError(
            f"{frequency!r} says that {local} is in the period from {start} to {end}: its "
            "method `period` returns the first instant, and the first one after it"
        )

    return CyclePeriod(kind, f"{kind} {start.astimezone(zone):%F %T}", start, end)


def name_of(frequency: object) -> str:
    """Return what tells the cycles of a frequency from others, as their ids have it."""
    given = str(getattr(frequency, "name", type(frequency).__name__))
    return "".join(
        character if character.isalnum() or character in "+-." else "-"
        for character in given
    )


def _in_utc(instant: datetime, zone: tzinfo) -> datetime:
    aware = instant if instant.tzinfo is not None else instant.replace(tzinfo=zone)
    return aware.astimezone(UTC)


def _month(number: int) -> date:
    return date(number // 12, number % 12 + 1, 1)


def _week(day: date) -> str:
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02}"


_NAMES: dict[Frequency, Callable[[date], str]] = {
    Frequency.DAILY: date.isoformat,
    Frequency.WEEKLY: _week,
    Frequency.MONTHLY: lambda day: f"{day:%Y-%m}",
    Frequency.QUARTERLY: lambda day: f"{day:%Y}-Q{(day.month + 2) // 3}",
    Frequency.YEARLY: lambda day: f"{day:%Y}",
}
