"""What a walker can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

from benchmarks.graphs import Graph

Values = tuple[object, ...]


class Walker(ABC):
    """Runs graphs on some worker processes, from within one event loop."""

    read_seconds: float | None = None
    """How much of the last `run` went into reading the values; None: it has them."""

    def __init__(self, workers: int) -> None:
        self.workers = workers

    @abstractmethod
    async def __aenter__(self) -> Self:
        """Open what is opened once in a program."""

    @abstractmethod
    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the workers."""

    async def prepare(self, graph: Graph, copies: int) -> None:  # noqa: B027
        """Declare what is declared before a run; walkers without such have nothing."""

    @abstractmethod
    async def run(self, graph: Graph, copies: int) -> list[Values]:
        """Run a prepared graph, several times at once.

        :return: for each copy, the values of its last jobs, in their order
        """
