"""asyncflow, as it is by default: ``standalone`` mode, pickle nodes, an SQLite store.

Arrays are in ``in_memory`` nodes.
"""

from __future__ import annotations

import tempfile
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from asyncflow import Configuration, Orchestrator
from benchmarks import work
from benchmarks.graphs import Graph
from benchmarks.walkers.abc import Values, Walker

if TYPE_CHECKING:
    from asyncflow import DataNodeConfig, Scenario
    from asyncflow.config import ScenarioConfig, TaskConfig


class AsyncflowWalker(Walker):
    """Declare a scenario config for each graph; a scenario for each copy."""

    def __init__(
        self, workers: int, store: str | None = None, mode: str = "standalone"
    ) -> None:
        super().__init__(workers)
        self.store = store
        self.mode = mode

    async def __aenter__(self) -> Self:
        self.folder = tempfile.TemporaryDirectory(prefix="asyncflow-benchmark-")
        self.config = Configuration()
        self.config.configure_job_executions(self.mode, self.workers)
        self.graphs = 0
        self.scenarios: list[Scenario] = []
        self.last: list[str] = []
        store = self.store or f"{self.folder.name}/asyncflow.db"
        self.orchestrator = Orchestrator(self.config, store)
        await self.orchestrator.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.orchestrator.__aexit__(kind, error, traceback)
        self.folder.cleanup()

    async def prepare(self, graph: Graph, copies: int) -> None:
        self.graphs += 1
        name = f"g{self.graphs}"
        config = declare(self.config, name, graph)
        self.graph = graph
        self.last = [f"{name}_out{index}" for index in graph.last]
        self.scenarios = [
            await self.orchestrator.create_scenario(config) for _ in range(copies)
        ]

    async def run(self, graph: Graph, copies: int) -> list[Values]:
        assert graph is self.graph
        assert len(self.scenarios) == copies
        submissions = [scenario.submit() for scenario in self.scenarios]

        for submission in submissions:
            await submission

        start = time.perf_counter()
        values = [await read(scenario, self.last) for scenario in self.scenarios]
        self.read_seconds = time.perf_counter() - start
        return values


async def read(scenario: Scenario, names: list[str]) -> Values:
    """Read data nodes of a scenario."""
    return tuple([await scenario.data_nodes[name].read() for name in names])


def declare(config: Configuration, name: str, graph: Graph) -> ScenarioConfig:
    """Declare a graph: a data node for each source and for what each job makes."""
    sources = [
        config.configure_data_node(f"{name}_in{index}", default_data=value)
        for index, value in enumerate(graph.sources)
    ]
    made: list[DataNodeConfig] = []
    tasks: list[TaskConfig] = []

    for index, job in enumerate(graph.jobs):
        large = job.function is work.make_array
        kind = "in_memory" if large else "pickle"
        output = config.configure_data_node(f"{name}_out{index}", kind)
        needed = [made[before] for before in job.needs]
        source = [] if job.source is None else [sources[job.source]]
        task = config.configure_task(
            f"{name}_job{index}", job.function, [*source, *needed], output
        )
        made.append(output)
        tasks.append(task)

    return config.configure_scenario(name, tasks)


def make(workers: int) -> Walker:
    return AsyncflowWalker(workers)
