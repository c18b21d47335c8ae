"""Several programs that run jobs on one Dask cluster, in one process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import attrs
from anyio import Event, create_task_group, fail_after
from anyio.abc import TaskGroup

from asyncflow.abc import Call
from asyncflow.config.sections import JobConfig
from asyncflow.executors.dask.executor import DaskExecutor
from tests.support.calls import Notes


class Watching(Notes):
    """Waits until what it was told is to be forgotten, too."""

    def __init__(self) -> None:
        super().__init__()
        self.has_ended = Event()
        self.may_forget = Event()

    async def kept(self) -> None:
        await self.may_forget.wait()


@attrs.define
class Programs:
    """Executors of several orchestrators in one process."""

    address: str
    stack: AsyncExitStack
    group: TaskGroup

    async def open(self, owner_id: str, **options: Any) -> DaskExecutor:
        """Open one.

        :param options: more of how jobs are executed
        """
        jobs = JobConfig(mode="cluster", address=self.address, **options)
        made = DaskExecutor(jobs)
        made.owner_id, made.outlives_owner = owner_id, True
        return await self.stack.enter_async_context(made)

    @classmethod
    @asynccontextmanager
    async def opened(cls, address: str) -> AsyncIterator[Programs]:
        with fail_after(60):
            async with create_task_group() as group, AsyncExitStack() as stack:
                yield cls(address, stack, group)

    def run(self, executor: DaskExecutor, *calls: Call) -> Watching:
        watching = Watching()

        async def run() -> None:
            await executor.run(calls, watching)
            watching.has_ended.set()

        self.group.start_soon(run)
        return watching
