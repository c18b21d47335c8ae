"""An executor of somebody else's, observed: when it calls which function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

from asyncflow.abc import Call, Executor, Watch
from asyncflow.errors import UsageError
from asyncflow.testing.simulation.executor import Jobs
from asyncflow.testing.simulation.process import current
from asyncflow.worker.current import job_of, running


def observed(kind: type[Executor], jobs: Jobs) -> type[Executor]:
    """Return an executor that runs calls in another one, and tells of them.

    :raises UsageError: where that calls functions in other processes, which have clocks
        and chance of their own
    """
    if kind.in_processes:
        raise UsageError(
            f"{kind.__name__} calls functions in other processes: a simulation is one"
        )

    class Observed(Executor):
        removes_files = kind.removes_files
        max_batch = kind.max_batch
        runs_all = True
        max_jobs = kind.max_jobs
        not_killing = kind.not_killing

        def __init__(self, inner: Executor) -> None:
            self.inner = inner

        @classmethod
        def of(cls, jobs: Any) -> Self:
            return cls(kind.of(jobs))

        async def __aenter__(self) -> Self:
            await self.inner.__aenter__()
            return self

        async def __aexit__(
            self,
            kind: type[BaseException] | None,
            error: BaseException | None,
            traceback: TracebackType | None,
        ) -> None:
            await self.inner.__aexit__(kind, error, traceback)

        async def run(self, calls: Sequence[Call], watch: Watch) -> None:
            given = [call._replace(function=_told(call, jobs)) for call in calls]
            await self.inner.run(given, watch)

        def kill(self, call: Call, *, now: bool = False) -> None:
            self.inner.kill(call, now=now)

    return Observed


def _told(call: Call, jobs: Jobs) -> Callable[..., object]:
    """Return the function of a call, which tells when it is called."""

    def function(*values: object) -> object:
        process = current.get()
        assert process is not None
        jobs.begins(call, process)
        held = job_of(call.job_id, call.task, call.attempt, call.carrier)

        try:
            with running(held, lambda _progress: None):
                return call.function(*values)
        finally:
            jobs.ends(call, process)

    return function
