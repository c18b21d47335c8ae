"""A Gantt chart as SVG: without scripts, readable on dark and on light.

What a job does has a shape, not a colour alone: it waits in a thin bar, runs in a high one,
and its outcome is saved in one between them. Attempts that failed are hollow and crossed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import attrs

from asyncflow.display.axis import Axis
from asyncflow.display.characters import printable, shortened, width
from asyncflow.display.durations import duration, offset
from asyncflow.display.layout import BADGE, LABEL, MARGIN, NOTE
from asyncflow.display.signs import leading, sign_of
from asyncflow.display.svg import escaped, number, opening
from asyncflow.display.timeline import Load, Row, Span, Timeline

PLOT = 640.0
"""How wide the axis is, in pixels."""

MAX_LABEL, MAX_NOTE = 200.0, 170.0
GAP = 12.0
ROW, LOAD_ROW = 24.0, 52.0
"""The heights of rows: of one job, and of several."""

RUNNING, WAITING = 26.0, 10.0
"""In a row of several: the heights of what shows how many ran, and how many waited."""

HEAD, FOLD_HEAD = 26.0, 42.0
"""The height of the marks above the rows, without and with those of folded times."""

HEIGHTS = {"waiting": 4.0, "running": 14.0, "saving": 8.0, "failed": 13.0}
"""How high bars are."""

LEAST = 1.5
"""How wide a bar is at least."""

_LEGEND = (
    ("waiting", "waits"),
    ("running", "runs"),
    ("saving", "its outcome is taken over"),
    ("failed", "an attempt that failed"),
)


def svg(shown: Timeline, *, title: str = "", is_styled: bool = True) -> str:
    """Draw a chart.

    :param title: what the picture is called, for those who cannot see it
    :param is_styled: whether the picture brings its colours; a page may have `STYLE`
    """
    return "".join(_Chart.of(shown).parts(title, is_styled=is_styled))


class _Label(NamedTuple):
    label: str
    note: str
    counts: str
    """How many jobs have which status, where there are several."""


@attrs.define(eq=False)
class _Chart:
    shown: Timeline
    axis: Axis
    labels: Sequence[_Label]
    left: float
    """Where the axis begins."""
    notes: float
    """Where the notes begin."""
    wide: float
    top: float
    """Where the rows begin."""

    @classmethod
    def of(cls, shown: Timeline) -> _Chart:
        axis = Axis.of(shown.begin, shown.end, shown.busy, PLOT)
        labels = [
            _Label(
                shortened(printable(row.label), LABEL, MAX_LABEL),
                shortened(printable(row.note), NOTE, MAX_NOTE),
                _counts(row) if row.loads else "",
            )
            for row in shown.rows
        ]
        label = max(
            (max(width(row.label, LABEL), width(row.counts, NOTE)) for row in labels),
            default=0.0,
        )
        note = max((width(row.note, NOTE) for row in labels), default=0.0)
        left = MARGIN + BADGE + label + GAP
        notes = left + PLOT + GAP
        top = MARGIN + (FOLD_HEAD if axis.folds else HEAD)
        return cls(shown, axis, labels, left, notes, notes + note + MARGIN, top)

    def parts(self, title: str, *, is_styled: bool) -> Iterator[str]:
        tops, y = [], self.top

        for row in self.shown.rows:
            tops.append(y)
            y += LOAD_ROW if row.loads else ROW

        legend = [*self._legend(y + GAP)]
        high = y + GAP + 18.0 * (1 + max(line for line, _ in legend)) + MARGIN
        yield opening(self.wide, high, title or "When jobs ran", is_styled=is_styled)
        yield from self._marks(y)

        for row, label, top in zip(self.shown.rows, self.labels, tops, strict=True):
            yield from self._row(row, label, top)

        yield from (part for _, part in legend)
        yield "</svg>"

    def _marks(self, bottom: float) -> Iterator[str]:
        """Draw the axis: its marks, and the times that are folded."""
        top, taken = self.top, float("-inf")

        for tick in self.axis.ticks():
            x = self.left + tick.x
            yield _line("af-grid", x, top - 4, x, bottom)
            text = offset(tick.offset, self.axis.step)
            half = width(text, NOTE) / 2

            if x - half > taken and x + half <= self.wide:
                yield _text(x, MARGIN + 11, text, "middle")
                taken = x + half + 6

        taken = float("-inf")

        for fold in self.axis.folds:
            x = self.left + fold.left
            text = f"… {duration(fold.end - fold.begin)} …"
            half, middle = width(text, NOTE) / 2, x + (fold.right - fold.left) / 2
            title = f"nothing ran for {duration(fold.end - fold.begin)}"
            yield f"<g><title>{title}</title>"
            yield _rect("af-fold", x + 3, top - 4, FOLD_WIDE, bottom - top + 4)
            yield "</g>"

            if middle - half > taken and middle + half <= self.wide:
                yield _text(middle, MARGIN + 27, text, "middle")
                taken = middle + half + 6

    def _row(self, row: Row, label: _Label, top: float) -> Iterator[str]:
        high = LOAD_ROW if row.loads else ROW
        baseline = top + high / 2 + LABEL * 0.35
        status = leading(row.statuses)
        sign, tone = sign_of(status)
        yield f"<g><title>{escaped(row.told)}</title>"
        yield (
            f'<text class="af-{tone}" x="{number(MARGIN)}" y="{number(baseline)}" '
            f'font-size="{LABEL:g}" font-weight="bold">{sign}</text>'
        )
        up = 7 if label.counts else 0
        yield (
            f'<text class="af-label" x="{number(MARGIN + BADGE)}" '
            f'y="{number(baseline - up)}" font-size="{LABEL:g}">'
            f"{escaped(label.label)}</text>"
        )

        if label.counts:
            x = MARGIN + BADGE
            yield _text(x, baseline + 9, label.counts)

        if label.note:
            yield _text(self.notes, baseline, label.note)

        middle = top + high / 2

        for span, begin, wide in self._placed(row.spans):
            yield from _bar(span, tone, self.left + begin, middle, wide)

        if row.mark is not None:
            x = self.left + min(self.axis.at(row.mark), PLOT - 5)
            yield f'<path class="af-{tone}" d="M{number(x)} {number(middle)}l5 -5l5 5l-5 5z"/>'

        if row.loads:
            yield from self._areas(row.loads, top + 6 + RUNNING)

        yield "</g>"

    def _placed(self, spans: Sequence[Span]) -> Iterator[tuple[Span, float, float]]:
        """Give where bars stand: beside each other, from the last to the first.

        What runs is seen however short it is, as far as there is room.
        """
        room = PLOT

        for span in reversed(spans):
            begin, end = self.axis.at(span.begin), min(room, self.axis.at(span.end))

            if end - begin < LEAST:
                begin = max(0.0, end - LEAST)
                end = begin + LEAST

                if end > room or span.doing in ("waiting", "saving"):
                    continue

            yield span, begin, end - begin
            room = begin

    def _areas(self, loads: Sequence[Load], middle: float) -> Iterator[str]:
        """Draw how many jobs ran at once, and below how many waited."""
        columns = _columns(loads, self.axis)

        for name, at, high in (("af-run-good", 1, RUNNING), ("af-wait", 0, -WAITING)):
            most = max(column[at] for column in columns) or 1
            heights = [column[at] / most * high for column in columns]
            yield f'<path class="{name}" d="{_steps(heights, self.left, middle)}"/>'

        yield _line("af-grid", self.left, middle, self.left + PLOT, middle)

    def _legend(self, top: float) -> Iterator[tuple[int, str]]:
        """Give the parts of the legend, each with the number of its line."""
        x, line = MARGIN, 0

        def placed(wide: float) -> tuple[float, float]:
            nonlocal x, line

            if x > MARGIN and x + wide > self.wide - MARGIN:
                x, line = MARGIN, line + 1

            at, x = x, x + wide + 2 * GAP
            return at, top + 9 + 18.0 * line

        for doing, text in _LEGEND:
            at, middle = placed(28 + width(text, NOTE))
            span = Span(doing, 0, 1)  # type: ignore[arg-type]  # as the names of `_LEGEND`
            yield line, "".join(_bar(span, "good", at, middle, 22))
            yield line, _text(at + 28, middle + 4, text)

        begin = datetime.fromtimestamp(self.shown.begin, UTC)
        text = f"0 is {begin:%Y-%m-%d %H:%M:%S} UTC"
        at, middle = placed(width(text, NOTE))
        yield line, _text(at, middle + 4, text)


FOLD_WIDE = 24.0
"""How wide a folded time is drawn."""


def _counts(row: Row) -> str:
    """Write how many jobs have which status, by the signs of these."""
    known = [status for status in row.statuses if row.statuses[status]]
    return "  ".join(f"{sign_of(it)[0]} {row.statuses[it]}" for it in sorted(known))


def _bar(
    span: Span, tone: str, left: float, middle: float, wide: float
) -> Iterator[str]:
    high = HEIGHTS[span.doing]
    top = middle - high / 2
    name = {
        "waiting": "af-wait",
        "running": f"af-run-{tone}",
        "saving": "af-save",
        "failed": "af-lost",
    }[span.doing]

    if span.is_open and span.doing == "running" and wide > 6:
        x, half = number(left), number(high / 2)
        yield (
            f'<path class="{name}" d="M{x} {number(top)}h{number(wide - 5)}l5 {half}'
            f'l-5 {half}h{number(5 - wide)}z"/>'
        )
        return

    yield _rect(name, left, top, wide, high)

    if span.doing == "failed" and wide > 10:
        x, y = number(left + wide - 9), number(middle - 3)
        yield f'<path class="af-cross" d="M{x} {y}l6 6m0 -6l-6 6"/>'


def _columns(loads: Sequence[Load], axis: Axis) -> list[tuple[int, int]]:
    """Return for each pixel the most that was done at once."""
    columns = [(0, 0)] * int(PLOT)

    for place, load in enumerate(loads[:-1]):
        first = min(int(axis.at(load.at)), int(PLOT) - 1)
        last = max(first + 1, int(axis.at(loads[place + 1].at)))

        for x in range(first, min(last, int(PLOT))):
            waiting, running = columns[x]
            columns[x] = max(waiting, load.waiting), max(running, load.running)

    return columns


def _steps(heights: Sequence[float], left: float, bottom: float) -> str:
    """Return the outline of columns that are a pixel wide."""
    parts, last = [f"M{number(left)} {number(bottom)}"], 0.0

    for x, high in enumerate(heights):
        if high != last:
            parts.append(f"H{number(left + x)}V{number(bottom - high)}")
            last = high

    return "".join((*parts, f"H{number(left + len(heights))}V{number(bottom)}z"))


def _rect(name: str, x: float, y: float, wide: float, high: float) -> str:
    return (
        f'<rect class="{name}" x="{number(x)}" y="{number(y)}" '
        f'width="{number(wide)}" height="{number(high)}"/>'
    )


def _line(name: str, x: float, y: float, to_x: float, to_y: float) -> str:
    return (
        f'<path class="{name}" d="M{number(x)} {number(y)}'
        f'L{number(to_x)} {number(to_y)}"/>'
    )


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return (
        f'<text class="af-note" x="{number(x)}" y="{number(y)}" '
        f'font-size="{NOTE:g}" text-anchor="{anchor}">{escaped(text)}</text>'
    )
