"""Prefect: as by processes, with its tasks in a `DaskTaskRunner`.

The cluster is the local one that the runner starts with the flow, of two processes of one
thread.
"""

from __future__ import annotations

from prefect_dask import DaskTaskRunner

from benchmarks.walkers.abc import Walker
from benchmarks.walkers.prefect_ import PrefectWalker


class PrefectDaskWalker(PrefectWalker):
    """Run tasks in the processes of a Dask cluster."""

    def runner(self) -> DaskTaskRunner:
        options = {
            "n_workers": self.workers,
            "threads_per_worker": 1,
            "dashboard_address": None,
        }
        return DaskTaskRunner(cluster_kwargs=options)


def make(workers: int) -> Walker:
    return PrefectDaskWalker(workers)
