"""A Gantt chart as text, and as Mermaid."""

from __future__ import annotations

from collections.abc import Sequence

from asyncflow.display.axis import FOLD, Axis
from asyncflow.display.characters import printable
from asyncflow.display.durations import duration
from asyncflow.display.mermaid import safe
from asyncflow.display.signs import leading, sign_of, words
from asyncflow.display.text import shortened_name, table
from asyncflow.display.timeline import Load, Row, Span, Timeline

WIDTH = 40
"""How many characters the axis has."""

_SHADES = " ▁▂▃▄▅▆▇█"
_DRAWN = {"waiting": "·", "saving": "▪", "running": "█", "failed": "x"}
"""How what a job does is drawn; of what is drawn in one place the last is seen."""


def text(shown: Timeline) -> str:
    """Write a line for each row: its status and name, its bar, and how long it took.

    In a bar ``·`` is waiting, ``█`` running, ``▪`` an outcome that is taken over, ``x`` an
    attempt that failed, and ``…`` a time in which nothing ran, whatever its length.
    """
    if not shown.rows:
        return ""

    axis = Axis.of(shown.begin, shown.end, shown.busy, WIDTH * FOLD)
    lines = table([_cells(row, axis) for row in shown.rows])
    last = duration(shown.end - shown.begin)
    folds = [duration(fold.end - fold.begin) for fold in axis.folds]
    idle = f" (…: nothing ran for {', '.join(folds)})" if folds else ""
    return f"{lines}{last} in all{idle}\n"


def mermaid(shown: Timeline, *, title: str = "") -> str:
    """Write a Mermaid Gantt chart: its times are milliseconds since the epoch."""
    lines = ["gantt", "    dateFormat x", "    axisFormat %H:%M:%S"]

    if title:
        lines.insert(1, f"    title {safe(title)}")

    for row in shown.rows:
        sign = sign_of(leading(row.statuses))[0]
        lines.append(f"    section {safe(f'{sign} {row.label}')}")
        lines += [_bar(span) for span in row.spans] or [_whole(row, shown)]

    return "\n".join(lines) + "\n"


def _cells(row: Row, axis: Axis) -> tuple[str, ...]:
    status = leading(row.statuses)
    bar = _shades(row.loads, axis) if row.loads else _line(row, axis)
    said = words(row.statuses)
    sign = sign_of(status)[0]
    return sign, shortened_name(printable(row.label)), f"|{bar}|", row.note, said


def _place(time: float, axis: Axis) -> int:
    return min(WIDTH - 1, int(axis.at(time) / FOLD))


def _line(row: Row, axis: Axis) -> str:
    cells = [" "] * WIDTH

    for doing, sign in _DRAWN.items():
        for span in row.spans:
            if span.doing == doing:
                begin, end = _place(span.begin, axis), _place(span.end, axis)
                cells[begin : end + 1] = sign * (end + 1 - begin)

    if row.mark is not None:
        cells[_place(row.mark, axis)] = "↷"

    return _with_folds(cells, axis)


def _shades(loads: Sequence[Load], axis: Axis) -> str:
    columns = [0] * WIDTH

    for place, load in enumerate(loads[:-1]):
        first, last = _place(load.at, axis), _place(loads[place + 1].at, axis)

        for x in range(first, last + 1):
            columns[x] = max(columns[x], load.running)

    most = max(columns) or 1
    return _with_folds([_SHADES[-(-8 * count // most)] for count in columns], axis)


def _with_folds(cells: list[str], axis: Axis) -> str:
    for fold in axis.folds:
        cells[min(WIDTH - 1, round(fold.left / FOLD))] = "…"

    return "".join(cells)


def _bar(span: Span) -> str:
    tag = {"waiting": "done", "running": "active", "failed": "crit", "saving": ""}
    tags = f"{tag[span.doing]}, " if tag[span.doing] else ""
    return f"    {span.doing} :{tags}{_ms(span.begin)}, {_ms(span.end)}"


def _whole(row: Row, shown: Timeline) -> str:
    """Write when several jobs ran, from the first to the last; or when one ended."""
    running = [load.at for load in row.loads]
    at = shown.begin if row.mark is None else row.mark

    if not running:
        return f"    {words(row.statuses)} :milestone, {_ms(at)}, {_ms(at)}"

    return f"    {words(row.statuses)} :{_ms(running[0])}, {_ms(running[-1])}"


def _ms(seconds: float) -> int:
    return round(seconds * 1e3)
