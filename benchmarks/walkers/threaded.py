"""What walkers over blocking libraries share: they run in a thread beside the loop."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from types import TracebackType
from typing import Self

from benchmarks.graphs import Graph
from benchmarks.walkers.abc import Values, Walker


class ThreadedWalker(Walker):
    """Call a library that blocks, as one does from an asyncio program."""

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self.open)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self.close)

    async def prepare(self, graph: Graph, copies: int) -> None:
        await asyncio.to_thread(self.declare, graph, copies)

    async def run(self, graph: Graph, copies: int) -> list[Values]:
        return await asyncio.to_thread(self.walk, graph, copies)

    def open(self) -> None:
        """Open what is opened once in a program."""

    def close(self) -> None:
        """End the workers."""

    def declare(self, graph: Graph, copies: int) -> None:
        """Declare what is declared before a run."""

    @abstractmethod
    def walk(self, graph: Graph, copies: int) -> list[Values]:
        """Run a declared graph, several times."""
