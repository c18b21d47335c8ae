"""asyncflow in ``cluster`` mode: on a `LocalCluster` of Dask that it starts itself."""

from __future__ import annotations

from benchmarks.walkers.abc import Walker
from benchmarks.walkers.asyncflow_ import AsyncflowWalker


def make(workers: int) -> Walker:
    return AsyncflowWalker(workers, mode="cluster")
