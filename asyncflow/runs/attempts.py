"""The attempts at a job that are kept: of many, the first and the last."""

from __future__ import annotations

from asyncflow.records import AttemptRecord
from asyncflow.status import CRASHES
from asyncflow.worker.shortened import shortened

FIRST = 10
"""How many of the first attempts are kept."""

LAST = 90
"""How many of the last attempts are kept."""

TRACEBACKS = 262_144
"""How many characters the tracebacks of all kept attempts may have. What goes beyond is
cut: that of the first attempt and those of the last ones stay whole for longest."""

SHORT = 1_000
"""How many characters such a traceback has left."""


def added(
    attempts: tuple[AttemptRecord, ...], last: AttemptRecord
) -> tuple[AttemptRecord, ...]:
    """Return what is kept once another attempt has failed."""
    crashes = crashes_of(attempts) + (last.kind in CRASHES)
    kept = [*attempts, last._replace(crashes=crashes)]

    if len(kept) > FIRST + LAST:
        del kept[FIRST:-LAST]

    if sum(len(one.traceback) for one in kept) > TRACEBACKS:
        _shorten(kept)

    return tuple(kept)


def number_of_next(attempts: tuple[AttemptRecord, ...]) -> int:
    """Return the number of the attempt after those that have failed."""
    return attempts[-1].number + 1 if attempts else 1


def crashes_of(attempts: tuple[AttemptRecord, ...]) -> int:
    """Return how many attempts have crashed, also of those that are not kept."""
    return attempts[-1].crashes if attempts else 0


def _shorten(kept: list[AttemptRecord]) -> None:
    """Shorten tracebacks until their sum is bounded."""
    left = TRACEBACKS

    for place in (0, *range(len(kept) - 1, 0, -1)):
        one = kept[place]
        left -= len(one.traceback)

        if left < 0:
            kept[place] = one._replace(traceback=shortened(one.traceback, SHORT))
