"""Dagster: a job of ops, by the multiprocess executor: a process for each op.

`execute_job` blocks until a job is done, and two ops of a job run at a time. So copies
come one after the other. The instance is in the working directory.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

from dagster import (
    DagsterInstance,
    DependencyDefinition,
    GraphDefinition,
    In,
    JobDefinition,
    OpDefinition,
    Out,
    Output,
    build_reconstructable_job,
    execute_job,
    multiprocess_executor,
)

from benchmarks.graphs import Graph
from benchmarks.walkers.abc import Values, Walker
from benchmarks.walkers.threaded import ThreadedWalker


class DagsterWalker(ThreadedWalker):
    """Write each graph to a file: the processes build the job anew."""

    def open(self) -> None:
        self.graphs = 0
        self.instance = DagsterInstance.get()

    def close(self) -> None:
        self.instance.dispose()

    def declare(self, graph: Graph, copies: int) -> None:  # noqa: ARG002
        self.graphs += 1
        self.file = Path(f"graph{self.graphs}.pickle").absolute()
        self.file.write_bytes(pickle.dumps(graph))

    def walk(self, graph: Graph, copies: int) -> list[Values]:
        job = build_reconstructable_job(
            __name__, read_job.__name__, (str(self.file), self.workers)
        )
        return [self.walk_once(job, graph) for _ in range(copies)]

    def walk_once(self, job: Any, graph: Graph) -> Values:
        with execute_job(job, instance=self.instance, raise_on_error=True) as result:
            return tuple(result.output_for_node(f"job{index}") for index in graph.last)


def read_job(file: str, workers: int) -> JobDefinition:
    """Build the job of a graph that was written to a file."""
    graph: Graph = pickle.loads(Path(file).read_bytes())
    nodes = [op_of(graph, index) for index in range(len(graph.jobs))]
    dependencies = {
        f"job{index}": {
            f"value{place}": DependencyDefinition(f"job{needed}")
            for place, needed in enumerate(job.needs)
        }
        for index, job in enumerate(graph.jobs)
    }
    definition = GraphDefinition(
        name="walked", node_defs=nodes, dependencies=dependencies
    )
    executor = multiprocess_executor.configured({"max_concurrent": workers})
    return definition.to_job(executor_def=executor)


def op_of(graph: Graph, index: int) -> OpDefinition:
    """Define one job of a graph as an op; a source is a constant of its function."""
    job = graph.jobs[index]

    def compute(_, values):  # Dagster looks at annotations itself
        known = {
            needed: values[f"value{place}"] for place, needed in enumerate(job.needs)
        }
        yield Output(job.function(*graph.arguments(index, known)), "result")

    ins = {f"value{place}": In() for place in range(len(job.needs))}
    return OpDefinition(compute, f"job{index}", ins=ins, outs={"result": Out()})


def make(workers: int) -> Walker:
    return DagsterWalker(workers)
