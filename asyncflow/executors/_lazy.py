"""An executor that is loaded with the first job for it."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType

from asyncflow.abc import Call, Executor, Watch
from asyncflow.alternatives import EXECUTORS
from asyncflow.config.sections import JobConfig


class LazyExecutor(Executor):
    """Stands for an executor that most programs never need, until there is a job for it.

    :param name: that of an executor that is there at once, entered or not
    """

    def __init__(self, name: str, jobs: JobConfig) -> None:
        self.name = name
        self.jobs = jobs
        self._made: Executor | None = None

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._made is not None:
            await self._made.__aexit__(kind, error, traceback)

    async def run(self, calls: Sequence[Call], watch: Watch) -> None:
        if self._made is None:
            made = EXECUTORS.load(self.name).of(self.jobs)
            self._made = made  # with no await before: a kill finds its call

        await self._made.run(calls, watch)

    def kill(self, call: Call, *, now: bool = False) -> None:
        if self._made is not None:
            self._made.kill(call, now=now)
