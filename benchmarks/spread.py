"""How figures are told: units, spreads, tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median

from benchmarks.rounds import Result

NONE = "-"

Row = Sequence[str]


def unit(result: Result) -> tuple[str, float]:
    """Name the unit of a benchmark, and how many of it are a second."""
    if result.benchmark.per_job:
        return "µs a job", 1e6 / result.jobs

    return "ms", 1e3


def spread(values: Sequence[float], digits: int) -> str:
    """Tell the median, the least and the most."""
    if not values:
        return NONE

    middle, low, high = median(values), min(values), max(values)
    return f"{middle:.{digits}f} ({low:.{digits}f}..{high:.{digits}f})"


def table(head: Row, rows: Iterable[Row]) -> str:
    """Lay out a table, as Markdown too has it."""
    lines = [head, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    ruled = [lines[0], ["-" * width for width in widths], *lines[1:]]
    return "\n".join(
        f"| {' | '.join(map(str.ljust, line, widths))} |" for line in ruled
    )
