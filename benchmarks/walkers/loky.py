"""loky's reusable executor, as joblib ships it: a future for each job, as `pool` does."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from joblib.externals.loky import get_reusable_executor

from benchmarks.walkers.abc import Walker
from benchmarks.walkers.pool import PoolWalker


class LokyWalker(PoolWalker):
    """Walk as over `ProcessPoolExecutor`."""

    async def __aenter__(self) -> Self:
        self.pool = get_reusable_executor(self.workers)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self.pool.shutdown)


def make(workers: int) -> Walker:
    return LokyWalker(workers)
