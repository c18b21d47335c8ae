"""Apache Hamilton: a module of functions, by its Dask adapter on a local cluster.

Hamilton itself runs a graph in its own process. Its documentation scales it out by
adapters; this is the one for Dask, on two processes of one thread.
"""

from __future__ import annotations

from importlib import import_module, invalidate_caches
from pathlib import Path
from types import ModuleType

from distributed import Client, LocalCluster
from hamilton import base, driver
from hamilton.plugins.h_dask import DaskGraphAdapter

from benchmarks.graphs import Graph
from benchmarks.walkers.abc import Values, Walker
from benchmarks.walkers.threaded import ThreadedWalker


class HamiltonWalker(ThreadedWalker):
    """Declare a module for each graph; ask the driver for the last values."""

    def open(self) -> None:
        self.graphs = 0
        self.cluster = LocalCluster(
            n_workers=self.workers,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
        )
        self.client = Client(self.cluster)

    def close(self) -> None:
        self.client.close()
        self.cluster.close()

    def declare(self, graph: Graph, copies: int) -> None:  # noqa: ARG002
        self.graphs += 1
        module = module_of(f"graph{self.graphs}", graph)
        adapter = DaskGraphAdapter(self.client, base.DictResult())
        self.driver = (
            driver.Builder().with_modules(module).with_adapters(adapter).build()
        )
        self.inputs = {f"in{index}": value for index, value in enumerate(graph.sources)}

    def walk(self, graph: Graph, copies: int) -> list[Values]:
        last = [f"job{index}" for index in graph.last]
        found = [self.driver.execute(last, inputs=self.inputs) for _ in range(copies)]
        return [tuple(values[name] for name in last) for values in found]


def module_of(name: str, graph: Graph) -> ModuleType:
    """Write a module in the working directory, where workers find it; import it."""
    functions = "".join(function_of(graph, index) for index in range(len(graph.jobs)))
    Path(f"{name}.py").write_text(f"from benchmarks import work\n{functions}")
    invalidate_caches()
    return import_module(name)


def function_of(graph: Graph, index: int) -> str:
    """Write a job as Hamilton has it: parameters are named as what they need."""
    job = graph.jobs[index]
    needs = [f"job{needed}" for needed in job.needs]

    if job.source is not None:
        needs = [f"in{job.source}"]

    parameters = ", ".join(f"{name}: object" for name in needs)
    call = f"work.{job.function.__name__}({', '.join(needs)})"
    return f"\n\ndef job{index}({parameters}) -> object:\n    return {call}\n"


def make(workers: int) -> Walker:
    return HamiltonWalker(workers)
