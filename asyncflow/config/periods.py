"""Periods of time as texts: ``1d2h3m4.5s``."""

from __future__ import annotations

import re
from datetime import timedelta

_PERIOD = (
    r"(?a)(?:(\d{1,18})d)?(?:(\d{1,18})h)?(?:(\d{1,18})m)?"
    r"(?:(\d{1,18})(?:\.(\d{1,6}))?s)?(?::timedelta)?"
)


def to_text(period: timedelta) -> str:
    """Write a period: ``1d2h3m4.5s``."""
    minutes, seconds = divmod(period.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(period.days, "d"), (hours, "h"), (minutes, "m")]
    text = "".join(f"{count}{unit}" for count, unit in parts if count)
    fraction = f".{period.microseconds:06}".rstrip("0") if period.microseconds else ""
    return text + (f"{seconds}{fraction}s" if seconds or fraction or not text else "")


def from_text(text: str) -> timedelta | None:
    """Read what `to_text` writes, also with ``:timedelta`` behind it; None for others."""
    found = re.fullmatch(_PERIOD, text)
    if found is None or not any(found.groups()):
        return None

    days, hours, minutes, seconds = (int(part or 0) for part in found.groups()[:4])
    micro = int((found[5] or "").ljust(6, "0"))
    try:
        return timedelta(days, seconds, micro, hours=hours, minutes=minutes)
    except OverflowError:
        return None
