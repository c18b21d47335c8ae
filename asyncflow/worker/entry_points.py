"""The functions of `trip`, for a parent: it sends their names, and does not load them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

PATH: str = os.path.join(os.path.dirname(__file__), "trip.py")
"""Where they are."""


def without_ours(stack: Sequence[str]) -> Sequence[str]:
    """Leave out of the lines of a stack what is below the job: how it is called."""
    places = (place for place, line in enumerate(stack) if PATH in line)
    return stack[: next(places, None)]


def _trip() -> Any:
    from asyncflow.worker import trip

    return trip


def settle(*given: Any) -> tuple[int, str]:
    """See `trip.settle`."""
    return _trip().settle(*given)  # type: ignore[no-any-return]


def load(*given: Any) -> None:
    """See `trip.load`."""
    _trip().load(*given)


def run(request: bytes) -> bytes:
    """See `trip.run`."""
    return _trip().run(request)  # type: ignore[no-any-return]


def _after_answer() -> None:
    _trip().after_answer()


vars(run)["after"] = _after_answer
"""Called by the loop of `executors.process.start`; anyio's own does not know of it."""
