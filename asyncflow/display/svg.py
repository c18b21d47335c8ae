"""A picture of a graph as SVG: without scripts, readable on dark and on light."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from asyncflow.display.characters import printable
from asyncflow.display.graph import Box, Graph
from asyncflow.display.layout import (
    BADGE,
    LABEL,
    NOTE,
    PADDING,
    Layout,
    Line,
    PlacedBox,
    layout,
)
from asyncflow.display.signs import leading, sign_of, words

_RULES = (
    (".af-back", "fill:{}", "#fff", "#14181f"),
    (".af-task", "fill:{}", "#eef3fb", "#1f2a3c"),
    (".af-task", "stroke:{}", "#5877a8", "#7fa0d6"),
    (".af-data", "fill:{}", "#f6f2e8", "#2b2719"),
    (".af-data", "stroke:{}", "#96804a", "#b9a262"),
    (".af-editor", "fill:{}", "#fff", "#14181f"),
    (".af-editor", "stroke:{}", "#5b6675", "#a9b3c1"),
    (".af-line", "stroke:{}", "#8a94a3", "#76808f"),
    (".af-tip", "fill:{}", "#8a94a3", "#76808f"),
    (".af-label", "fill:{}", "#1c2430", "#e8ecf2"),
    (".af-note", "fill:{}", "#5b6675", "#a9b3c1"),
    (".af-good", "fill:{}", "#17744a", "#5ed39b"),
    (".af-bad", "fill:{}", "#b3261e", "#ff8a80"),
    (".af-busy", "fill:{}", "#7a4fb5", "#c3a2f2"),
    (".af-off", "fill:{}", "#5b6675", "#a9b3c1"),
    (".af-wait", "fill:{}", "#8a94a3", "#76808f"),
    (".af-run-good", "fill:{}", "#2f8f63", "#4fbf8a"),
    (".af-run-bad", "fill:{}", "#c8443b", "#ff8a80"),
    (".af-run-busy", "fill:{}", "#7a4fb5", "#b394e6"),
    (".af-run-off", "fill:{}", "#5b6675", "#a9b3c1"),
    (".af-save", "fill:{}", "#b57a0b", "#e0b34d"),
    (".af-lost", "stroke:{}", "#b3261e", "#ff8a80"),
    (".af-cross", "stroke:{}", "#b3261e", "#ff8a80"),
    (".af-grid", "stroke:{}", "#d9dee5", "#2c3542"),
    (".af-fold", "fill:{}", "#eef1f5", "#1f2631"),
    (".af-fold", "stroke:{}", "#8a94a3", "#76808f"),
)
"""What is coloured, on light and on dark: each text has a contrast of 4.5 at least."""


_CLASSES = {"task": "task", "data_node": "data", "editor": "editor"}


def _style() -> str:
    light = "".join(f"{name}{{{rule.format(on)}}}" for name, rule, on, _ in _RULES)
    dark = "".join(f"{name}{{{rule.format(on)}}}" for name, rule, _, on in _RULES)
    return (
        f".af-line{{fill:none;stroke-width:1.3}}.af-many{{stroke-width:2.5}}"
        ".af-lost{fill:none;stroke-width:1.2}.af-cross{fill:none;stroke-width:1.6}"
        f".af-fold,.af-editor{{stroke-dasharray:2 3}}{light}"
        f"@media(prefers-color-scheme:dark){{{dark}}}"
    )


STYLE = _style()
"""The colours of pictures."""

FONT = "system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif"


def svg(graph: Graph, *, title: str = "", is_styled: bool = True) -> str:
    """Draw a graph.

    :param title: what the picture is called, for those who cannot see it
    :param is_styled: whether the picture brings its colours; a page may have `STYLE`
    :raises ValueError: where its edges lead in a circle
    """
    return "".join(_parts(layout(graph), title, is_styled=is_styled))


def opening(width: float, height: float, title: str, *, is_styled: bool) -> str:
    """Return how a picture begins.

    :param width: how wide it is, in pixels
    :param height: how high it is
    :param is_styled: whether it brings its colours
    """
    wide, high = number(width), number(height)
    begin = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="af-picture" role="img" '
        f'width="{wide}" height="{high}" viewBox="0 0 {wide} {high}" '
        f'font-family="{FONT}"><title>{escaped(title)}</title>'
    )

    if not is_styled:
        return begin

    back = f'<rect class="af-back" width="{wide}" height="{high}"/>'
    return f"{begin}<style>{STYLE}</style>{back}"


def _parts(placed: Layout, title: str, *, is_styled: bool) -> Iterator[str]:
    title = title or "A graph of tasks and data nodes"
    yield opening(placed.width, placed.height, title, is_styled=is_styled)

    for line in placed.lines:
        yield _line(line)

    for box in placed.boxes:
        yield from _box(box)

    yield "</svg>"


def _line(line: Line) -> str:
    first, *rest = line.points
    path = [f"M{number(first.x)} {number(first.y)}"]
    last = first

    for place, point in enumerate(rest):
        if place % 2:
            middle = number((last.x + point.x) / 2)
            path.append(
                f"C{middle} {number(last.y)} {middle} {number(point.y)} "
                f"{number(point.x)} {number(point.y)}"
            )
        elif point.x != last.x:
            path.append(f"H{number(point.x)}")

        last = point

    x, y = number(last.x), number(last.y)
    return (
        f'<path class="af-line" d="{"".join(path)}"/>'
        f'<path class="af-tip" d="M{x} {y}l-7 -3.5v7z"/>'
    )


def _box(placed: PlacedBox) -> Iterator[str]:
    box = placed.box
    kind = _CLASSES[box.kind]
    many = " af-many" if box.count > 1 else ""
    radius = number(placed.height / 2) if kind == "data" else "5"
    x, y = placed.x, placed.y
    yield f"<g><title>{escaped(_told(box))}</title>"
    yield (
        f'<rect class="af-{kind}{many}" x="{number(x)}" y="{number(y)}" '
        f'width="{number(placed.width)}" height="{number(placed.height)}" rx="{radius}"/>'
    )
    left = x + PADDING
    middle = y + placed.height / 2

    if box.statuses:
        status = leading(box.statuses)
        sign, tone = sign_of(status)
        yield (
            f'<text class="af-{tone}" x="{number(left)}" '
            f'y="{number(middle + LABEL * 0.35)}" font-size="{LABEL:g}" '
            f'font-weight="bold">{sign}</text>'
        )
        left += BADGE

    baseline = middle + LABEL * 0.35 if not placed.note else middle - 3
    yield (
        f'<text class="af-label" x="{number(left)}" y="{number(baseline)}" '
        f'font-size="{LABEL:g}">{escape(placed.label)}</text>'
    )

    if placed.note:
        yield (
            f'<text class="af-note" x="{number(left)}" y="{number(middle + 13)}" '
            f'font-size="{NOTE:g}">{escape(placed.note)}</text>'
        )

    yield "</g>"


def _told(box: Box) -> str:
    parts = [box.label if box.count == 1 else f"{box.label} (×{box.count})"]
    parts += [part for part in (box.note, words(box.statuses)) if part]
    return ", ".join(parts)


def escaped(text: str) -> str:
    """Return a text as it stands for nothing but itself, in one line."""
    return escape(printable(text), quote=True)


def number(value: float) -> str:
    """Write a number of pixels."""
    return f"{value:.1f}".removesuffix(".0")
