"""Durations as people read them, and the steps of an axis of time."""

from __future__ import annotations

from collections.abc import Iterator

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0

_STEPS = (1.0, 2.0, 5.0, 10.0, 15.0, 30.0)
"""The steps of an axis, in seconds or minutes."""


def duration(seconds: float) -> str:
    """Write a duration in two units at most: ``85 ms``, ``1.2 s``, ``2 m 05 s``."""
    if seconds < 0.9995e-3:
        return f"{max(0.0, seconds) * 1e6:.0f} µs"

    if seconds < 0.9995:
        return f"{seconds * 1e3:.3g} ms"

    if seconds < 59.95:
        return f"{seconds:.1f} s"

    for unit, part, large, small in (
        (HOUR, MINUTE, "m", "s"),
        (DAY, HOUR, "h", "m"),
    ):
        if seconds < unit:
            whole = round(seconds / part * 60)
            return f"{whole // 60} {large} {whole % 60:02d} {small}"

    hours = round(seconds / HOUR)
    return f"{hours // 24} d {hours % 24} h"


def offset(seconds: float, step: float) -> str:
    """Write a place on an axis, as short as its steps allow.

    :param step: how far the places are apart, in seconds
    """
    if seconds == 0:
        return "0"

    if step < 1e-3:
        return f"{seconds * 1e6:.0f} µs" if seconds < 1e-3 else f"{seconds * 1e3:g} ms"

    if step < 1 and seconds < 1:
        return f"{seconds * 1e3:.0f} ms"

    if seconds < MINUTE:
        return f"{round(seconds, 3):g} s"

    if seconds < HOUR:
        minutes, rest = divmod(round(seconds, 3), MINUTE)
        return f"{minutes:.0f} m {rest:g} s" if rest else f"{minutes:.0f} m"

    if seconds < DAY:
        hours, rest = divmod(round(seconds / MINUTE), 60)
        return f"{hours} h {rest} m" if rest else f"{hours} h"

    days, rest = divmod(round(seconds / HOUR), 24)
    return f"{days} d {rest} h" if rest else f"{days} d"


def step(least: float) -> float:
    """Return the first round duration that is not shorter than another, in seconds."""
    return next(each for each in _round() if each >= least)


def _round() -> Iterator[float]:
    for power in range(-6, 0):
        yield from (part * 10.0**power for part in (1, 2, 5))

    yield from _STEPS
    yield from (each * MINUTE for each in _STEPS)
    yield from (each * HOUR for each in (1, 2, 3, 6, 12))
    days = 1.0

    while True:
        yield from (days * DAY, days * 2 * DAY, days * 5 * DAY)
        days *= 10
