"""Lines on two logarithmic axes, as SVG."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from math import ceil, floor, log10
from statistics import median
from typing import NamedTuple

WIDTH, HEIGHT = 760, 460
LEFT, RIGHT, TOP, BOTTOM = 80, 150, 50, 60
HEAD = (
    f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
    f'width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="13">'
)
COLOURS = (
    "#0b62a4",
    "#c8500a",
    "#3c7d22",
    "#8a3fa0",
    "#b3172b",
    "#6b5a14",
    "#00777c",
    "#444444",
)
"""Each has enough contrast on white to be read as text."""
LABEL_HEIGHT = 16


class Point(NamedTuple):
    """Where a line passes: a place on the horizontal axis, and what was measured."""

    x: float
    figures: Sequence[float]


class Line(NamedTuple):
    name: str
    points: Sequence[Point]


class Axis(NamedTuple):
    """A logarithmic axis: whole powers of ten at both ends."""

    low: int
    high: int
    start: float
    end: float

    @property
    def powers(self) -> range:
        return range(self.low, self.high + 1)

    def at(self, value: float) -> float:
        """Return where a value lies, in pixels."""
        part = (log10(value) - self.low) / (self.high - self.low)
        return self.start + part * (self.end - self.start)


def drawn(title: str, across: str, up: str, lines: Sequence[Line]) -> str:
    """Draw lines through the medians, and bars from the least to the most."""
    points = [point for line in lines for point in line.points]
    x = axis([point.x for point in points], LEFT, WIDTH - RIGHT)
    y = axis([one for point in points for one in point.figures], HEIGHT - BOTTOM, TOP)
    parts = [
        HEAD,
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        text(LEFT, TOP - 22, title, size=16),
        *grid(x, y, across, up),
        *(
            part
            for one in zip(lines, COLOURS, strict=False)
            for part in line(x, y, *one)
        ),
        *labels(y, lines),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def axis(values: Sequence[float], start: float, end: float) -> Axis:
    """Make an axis that has all values, and one power of ten at least."""
    low = floor(log10(min(values, default=1.0)))
    high = ceil(log10(max(values, default=1.0)))
    return Axis(low, max(high, low + 1), start, end)


def grid(x: Axis, y: Axis, across: str, up: str) -> Iterable[str]:
    """Draw the powers of ten, and the names of both axes."""
    for power in x.powers:
        at = x.at(10.0**power)
        yield stroke(at, y.start, at, y.end, "#cccccc")
        yield text(at, y.start + 20, number(power), anchor="middle")

    for power in y.powers:
        at = y.at(10.0**power)
        yield stroke(x.start, at, x.end, at, "#cccccc")
        yield text(x.start - 8, at + 4, number(power), anchor="end")

    for value in (times * 10.0**power for power in y.powers[:-1] for times in (2, 5)):
        at = y.at(value)
        yield stroke(x.start, at, x.end, at, "#eeeeee")
        yield text(x.start - 8, at + 4, f"{value:g}", size=10, anchor="end")

    yield text((x.start + x.end) / 2, y.start + 44, across, anchor="middle")
    middle = (y.start + y.end) / 2
    turned = f' transform="rotate(-90 22 {middle:.1f})"'
    yield text(22, middle, up, anchor="middle", more=turned)


def line(x: Axis, y: Axis, drawn: Line, colour: str) -> Iterable[str]:
    places = [(x.at(one.x), y.at(median(one.figures))) for one in drawn.points]
    path = " ".join(f"{at:.1f},{up:.1f}" for at, up in places)
    yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'

    for (at, up), point in zip(places, drawn.points, strict=True):
        low, high = y.at(min(point.figures)), y.at(max(point.figures))
        yield stroke(at, low, at, high, colour)
        yield f'<circle cx="{at:.1f}" cy="{up:.1f}" r="3.5" fill="{colour}"/>'


def labels(y: Axis, lines: Sequence[Line]) -> Iterable[str]:
    """Name each line at its end, one below the other where they would meet."""
    ends = sorted(
        (y.at(median(one.points[-1].figures)), one.name, colour)
        for one, colour in zip(lines, COLOURS, strict=False)
        if one.points
    )
    below = 0.0

    for end, name, colour in ends:
        below = max(end + 4, below + LABEL_HEIGHT)
        yield text(WIDTH - RIGHT + 12, below, name, colour=colour)


def number(power: int) -> str:
    """Write a power of ten as people read it."""
    return f"{10**power:,}".replace(",", " ") if power >= 0 else f"{10.0**power:g}"


def stroke(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    places = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {places} stroke="{colour}"/>'


def text(
    x: float,
    y: float,
    says: str,
    *,
    anchor: str = "start",
    size: int = 13,
    colour: str = "#222222",
    more: str = "",
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" '
        f'fill="{colour}"{more}>{escape(says)}</text>'
    )
