"""The executor of ``cluster`` mode: Dask carries, asyncflow's own workers run."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from importlib import import_module
from types import TracebackType
from typing import TYPE_CHECKING, ClassVar, Self

import attrs
from anyio import to_thread

from asyncflow.abc import (
    Call,
    Executor,
    HeldValues,
    ValuesAddress,
    Watch,
    WorkerInfo,
)
from asyncflow.config.sections import JobConfig

if TYPE_CHECKING:
    from asyncflow.executors.dask.cluster import Cluster


@attrs.define(eq=False, repr=False)
class DaskExecutor(Executor):
    """Run jobs in worker processes on the hosts of a Dask cluster.

    What needs Dask is in `Cluster`, and loaded once this is opened.

    :param jobs: how they are executed
    """

    removes_files: ClassVar[bool] = True
    max_batch: ClassVar[int] = 128
    max_short: ClassVar[float] = 0.05
    max_batch_time: ClassVar[float] = 0.15  # a trip takes some 15 ms beside its jobs
    batch_cost: ClassVar[float] = 0.005
    in_processes: ClassVar[bool] = True
    extra: ClassVar[str | None] = "dask"
    requires: ClassVar[tuple[str, ...]] = ("distributed",)

    jobs: JobConfig
    _cluster: Cluster = attrs.field(init=False)
    _shares_folder: bool = attrs.field(init=False, default=False)

    @classmethod
    def of(cls, jobs: JobConfig) -> Self:
        return cls(jobs)

    async def __aenter__(self) -> Self:
        module = "asyncflow.executors.dask.cluster"
        found = await to_thread.run_sync(import_module, module)
        self._cluster = found.Cluster(self.jobs, self)
        await self._cluster.open()
        self.held_values: HeldValues | None = self._cluster.held
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._cluster.close()

    @property
    def capacity(self) -> int | None:
        return max(1, self._cluster.seats.count)

    @property
    def workers(self) -> int:
        return self._cluster.seats.count

    def resized(self) -> None:
        """Take note that there are more or fewer seats."""
        if self.listener is not None and self._cluster.seats.count:
            self.listener.capacity_changed(self._cluster.seats.count)

    @property
    def may_wait(self) -> bool:
        return self._shares_folder

    async def reach(self, folder: str, address: ValuesAddress | None = None) -> None:
        self._shares_folder = address is None
        await self._cluster.reach(folder, address)

    async def take_over(self, dead_id: str) -> Mapping[str, int]:
        return await self._cluster.take_over(dead_id)

    async def let_go(self, dead_id: str, job_ids: Collection[str]) -> None:
        await self._cluster.let_go(dead_id, job_ids)

    async def list_workers(self, *, stacks: bool = False) -> list[WorkerInfo]:
        return await self._cluster.list_workers(stacks=stacks)

    async def run(self, calls: Sequence[Call], watch: Watch) -> None:
        await self._cluster.run(calls, watch)

    def kill(self, call: Call, *, now: bool = False) -> None:
        self._cluster.kill(call, now=now)
