"""The executor whose jobs fail to order."""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

import attrs
from anyio import sleep_forever
from anyio.lowlevel import checkpoint

from asyncflow.abc import Call, Crashed, Executor, Raised, Watch, WorkerInfo
from asyncflow.events import JobStarted
from asyncflow.testing._crash import crash
from asyncflow.testing._fault import Error, Fault
from asyncflow.testing._kill_switch import KillSwitch
from asyncflow.worker.codec import dumps_code
from asyncflow.worker.failure import raised


@attrs.define(eq=False)
class FaultyExecutor(Executor):
    """Run jobs elsewhere, but for those that something happens to.

    Each job is a batch of its own, so that it is known which ones have started.

    :param inner: where jobs run
    :param strike: tells what happens to the next job of a task
    """

    inner: Executor
    strike: Callable[[str], Fault | None]
    end: KillSwitch

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

    async def list_workers(self, *, stacks: bool = False) -> list[WorkerInfo]:
        return await self.inner.list_workers(stacks=stacks)

    async def begin(self) -> None:
        await self.inner.begin()

    async def warm(self, count: int) -> None:
        await self.inner.warm(count)

    async def shrink(self, count: int) -> None:
        await self.inner.shrink(count)

    async def wind_down(self) -> None:
        await self.inner.wind_down()

    @property
    def workers(self) -> int:
        return self.inner.workers

    def kill(self, call: Call, *, now: bool = False) -> None:
        self.inner.kill(call, now=now)

    async def run(self, calls: Sequence[Call], watch: Watch) -> None:
        for call in calls:
            self.end.note(JobStarted, call.task)

            if self.end.has_come:
                await sleep_forever()

            await self._run(call, watch, self.strike(call.task))

    async def _run(self, call: Call, watch: Watch, fault: Fault | None) -> None:
        if fault is None:
            await self.inner.run((call,), watch)
        elif fault.error is not None:
            await checkpoint()
            watch.ended(call, _failure(call, fault.error))
        elif call.code is None:
            await checkpoint()
            watch.ended(call, Crashed(-signal.SIGKILL))
        else:
            crashing = call._replace(function=crash, code=dumps_code(crash))
            await self.inner.run((crashing,), watch)


def _failure(call: Call, error: Error) -> Raised:
    """Say what a call raised, as the process says it where it would have run."""
    made = error() if isinstance(error, type) else error
    outcome = raised(made, None)
    return outcome._replace(error=made) if call.code is None else outcome
