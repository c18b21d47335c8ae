"""An axis of time: from left to right, with long times folded in which nothing runs."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import attrs

from asyncflow.display.durations import step

FOLD = 30.0
"""How wide a folded time is, in pixels."""

MOST_FOLDS = 6
"""How many times are folded at most: the longest ones."""

IDLE = 0.15
"""How long a folded time is at least, as a part of all time that is not folded."""

LEAST_SHOWN = 1e-6
"""The part of all time that is never folded."""

TICK = 90.0
"""How far marks are apart at least, in pixels."""


class Piece(NamedTuple):
    """A part of the axis: of so many seconds since the epoch, and pixels."""

    begin: float
    end: float
    left: float
    right: float
    is_folded: bool


class Tick(NamedTuple):
    """A mark on the axis."""

    x: float
    offset: float
    """The seconds since its begin."""


@attrs.frozen(kw_only=True)
class Axis:
    """Where times stand, in pixels."""

    pieces: tuple[Piece, ...]
    step: float
    """How many seconds its marks are apart."""
    _begins: Sequence[float]

    @classmethod
    def of(
        cls,
        begin: float,
        end: float,
        busy: Iterable[tuple[float, float]],
        width: float,
    ) -> Axis:
        """Make an axis.

        :param begin: where it begins, in seconds since the epoch
        :param end: where it ends
        :param busy: the times in which something runs
        :param width: how wide it is, in pixels
        """
        end = max(end, begin + 1e-6)
        folds = _folds(_gaps(begin, end, busy), end - begin)
        shown = end - begin - sum(till - since for since, till in folds)
        scale = (width - FOLD * len(folds)) / shown
        pieces: list[Piece] = []
        now, x = begin, 0.0

        for since, till in (*folds, (end, end)):
            if since > now:
                right = x + (since - now) * scale
                pieces.append(Piece(now, since, x, right, is_folded=False))
                x = right

            if till > since:
                pieces.append(Piece(since, till, x, x + FOLD, is_folded=True))
                x += FOLD

            now = till

        return cls(
            pieces=tuple(pieces),
            step=step(TICK / scale),
            begins=[piece.begin for piece in pieces],
        )

    def at(self, time: float) -> float:
        """Return where a time stands; one that is beyond its ends stands there."""
        piece = self.pieces[max(0, bisect_right(self._begins, time) - 1)]
        part = (time - piece.begin) / (piece.end - piece.begin)
        return piece.left + min(1.0, max(0.0, part)) * (piece.right - piece.left)

    @property
    def folds(self) -> tuple[Piece, ...]:
        """The times that are folded."""
        return tuple(piece for piece in self.pieces if piece.is_folded)

    def ticks(self) -> list[Tick]:
        """Return its marks; none stands in a time that is folded."""
        begin, found = self.pieces[0].begin, []

        for piece in self.pieces:
            if piece.is_folded:
                continue

            first = -(-(piece.begin - begin) // self.step)
            last = (piece.end - begin) // self.step
            found += [
                Tick(self.at(begin + number * self.step), number * self.step)
                for number in range(int(first), int(last) + 1)
            ]

        return found


def _gaps(
    begin: float, end: float, busy: Iterable[tuple[float, float]]
) -> list[tuple[float, float]]:
    """Return the times in which nothing runs; none where nothing ever does."""
    found, now = [], begin

    for since, till in sorted(busy):
        if since > now:
            found.append((now, since))

        now = max(now, till)

    if now == begin:
        return []

    return [*found, (now, end)] if end > now else found


def _folds(
    gaps: Sequence[tuple[float, float]], total: float
) -> list[tuple[float, float]]:
    """Return the gaps that are long beside what is left without them, in their order."""
    folds: list[tuple[float, float]] = []
    left = total

    for since, till in sorted(gaps, key=lambda gap: gap[0] - gap[1])[:MOST_FOLDS]:
        rest = left - (till - since)

        if rest < total * LEAST_SHOWN or till - since <= IDLE * rest:
            break

        left = rest
        folds.append((since, till))

    return sorted(folds)
