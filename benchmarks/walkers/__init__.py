"""Who walks the graphs. Each module is imported only where it is measured."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.walkers.abc import Walker

MODULES = {
    "asyncflow": "benchmarks.walkers.asyncflow_",
    "memory": "benchmarks.walkers.memory",
    "bare": "benchmarks.walkers.bare",
    "pool": "benchmarks.walkers.pool",
}


def load(name: str, workers: int) -> Walker:
    """Make the walker of this name, and import nothing of the others."""
    walker: Walker = import_module(MODULES[name]).make(workers)
    return walker
