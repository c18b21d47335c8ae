"""Who walks the graphs. Each module is imported only where it is measured."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from benchmarks.walkers.abc import Walker

MODULES = {
    "asyncflow": "benchmarks.walkers.asyncflow_",
    "memory": "benchmarks.walkers.memory",
    "bare": "benchmarks.walkers.bare",
    "pool": "benchmarks.walkers.pool",
}


class Peer(NamedTuple):
    """A library that is compared where it is installed and asked for."""

    module: str
    package: str
    """The distribution, as `pip` names it."""
    most: int
    """How many jobs a sample has at most, so that it ends in reasonable time."""


PEERS = {
    "cluster": Peer("benchmarks.walkers.cluster", "distributed", 10_000),
    "dask-futures": Peer("benchmarks.walkers.dask_futures", "distributed", 10_000),
    "dagster": Peer("benchmarks.walkers.dagster_", "dagster", 12),
    "dask": Peer("benchmarks.walkers.dask_", "distributed", 10_000),
    "hamilton": Peer("benchmarks.walkers.hamilton_", "apache-hamilton", 200),
    "joblib": Peer("benchmarks.walkers.joblib_", "joblib", 10_000),
    "loky": Peer("benchmarks.walkers.loky", "joblib", 10_000),
    "prefect": Peer("benchmarks.walkers.prefect_", "prefect", 60),
    "prefect-dask": Peer("benchmarks.walkers.prefect_dask_", "prefect-dask", 60),
    "ray": Peer("benchmarks.walkers.ray_", "ray", 10_000),
    "taipy": Peer("benchmarks.walkers.taipy_", "taipy-core", 60),
}


def load(name: str, workers: int) -> Walker:
    """Make the walker of this name, and import nothing of the others."""
    module = MODULES[name] if name in MODULES else PEERS[name].module
    walker: Walker = import_module(module).make(workers)
    return walker
