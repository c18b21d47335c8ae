"""asyncflow with a store that keeps nothing: ``store=":memory:"``."""

from __future__ import annotations

from benchmarks.walkers.abc import Walker
from benchmarks.walkers.asyncflow_ import AsyncflowWalker


def make(workers: int) -> Walker:
    return AsyncflowWalker(workers, ":memory:")
