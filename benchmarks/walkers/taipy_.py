"""Taipy's scenario management: ``standalone`` mode, two workers, pickle nodes.

Its files are in the working directory, as they are by default.
"""

from __future__ import annotations

import time
from typing import Any

import taipy
from taipy import Config, Orchestrator

from benchmarks.graphs import Graph
from benchmarks.walkers.abc import Values, Walker
from benchmarks.walkers.threaded import ThreadedWalker

POLL = 0.02
"""In seconds; `submit(wait=True)` would look only twice a second."""


class TaipyWalker(ThreadedWalker):
    """Declare a scenario config for each graph; a scenario for each copy."""

    def open(self) -> None:
        Config.configure_job_executions(
            mode="standalone", max_nb_of_workers=self.workers
        )
        self.graphs = 0
        self.scenarios: list[Any] = []
        self.orchestrator = Orchestrator()
        self.orchestrator.run()

    def close(self) -> None:
        self.orchestrator.stop()

    def declare(self, graph: Graph, copies: int) -> None:
        self.graphs += 1
        Config.unblock_update()
        config = configure(f"g{self.graphs}", graph)
        self.scenarios = [taipy.create_scenario(config) for _ in range(copies)]

    def walk(self, graph: Graph, copies: int) -> list[Values]:
        assert len(self.scenarios) == copies
        submissions = [taipy.submit(scenario) for scenario in self.scenarios]

        for submission in submissions:
            while not submission.is_finished():
                time.sleep(POLL)

        names = [f"g{self.graphs}_out{index}" for index in graph.last]
        return [
            tuple(getattr(scenario, name).read() for name in names)
            for scenario in self.scenarios
        ]


def configure(name: str, graph: Graph) -> Any:
    """Declare a graph: a data node for each source and for what each job makes."""
    sources = [
        Config.configure_data_node(f"{name}_in{index}", default_data=value)
        for index, value in enumerate(graph.sources)
    ]
    made: list[Any] = []
    tasks: list[Any] = []

    for index, job in enumerate(graph.jobs):
        output = Config.configure_data_node(f"{name}_out{index}")
        needed = [made[before] for before in job.needs]
        source = [] if job.source is None else [sources[job.source]]
        task = Config.configure_task(
            f"{name}_job{index}", job.function, [*source, *needed], output
        )
        made.append(output)
        tasks.append(task)

    return Config.configure_scenario(name, tasks)


def make(workers: int) -> Walker:
    return TaipyWalker(workers)
