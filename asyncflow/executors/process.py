"""The executor of ``standalone`` mode: jobs run in worker processes."""

from __future__ import annotations

import contextlib
import os
import pickle
from collections.abc import Callable, Sequence
from functools import lru_cache
from types import TracebackType
from typing import Self

import attrs
from anyio import BrokenWorkerProcess, CancelScope, create_task_group, to_thread

from asyncflow.abc import Call, Crashed, Driver, Executor, Killed, Log, Outcome
from asyncflow.executors._pool import Pool, Worker, WorkerDied
from asyncflow.worker import trip
from asyncflow.worker.values import temporary_name

STARTS = 3
"""How often a worker is tried to be started for a job."""


@attrs.define(eq=False)
class ProcessExecutor(Executor):
    """Run jobs through `anyio.to_process`."""

    _pool: Pool = attrs.field(init=False)

    async def __aenter__(self) -> Self:
        self._pool = await Pool.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._pool.close()

    @property
    def workers(self) -> int:
        return self._pool.alive

    async def warm(self, count: int) -> None:
        async with create_task_group() as group:
            for _ in range(count):
                group.start_soon(self._warm)

    async def run(
        self, calls: Sequence[Call], report: Callable[[Call, Outcome], None]
    ) -> None:
        worker = await self._worker()

        if isinstance(worker, str):
            report(calls[0], Crashed(None, worker))
            return

        request = pickle.dumps([_remote(call) for call in calls], 5)

        try:
            answer = await self._pool.call(worker, trip.run, request)
        except WorkerDied as died:
            log = await to_thread.run_sync(_clean_up, calls, worker)
            report(calls[0], Crashed(died.returncode, log=log))
        except BaseException:
            with CancelScope(shield=True):
                log = await to_thread.run_sync(_clean_up, calls, worker)
                report(calls[0], Killed(log))

            raise
        else:
            for call, outcome in zip(calls, trip.read_answer(answer), strict=False):
                _note_log(worker, outcome)
                report(call, outcome)

    async def _worker(self) -> Worker | str:
        """Return a worker, or say why there is none.

        One that is killed while it starts is replaced: it has cost nobody anything.
        """
        why = ""

        for _ in range(STARTS):
            try:
                return await self._pool.worker()
            except (BrokenWorkerProcess, OSError) as error:
                why = trip.summary_of(error.__cause__ or error)

        return f"no worker process could be started ({why})"

    async def _warm(self) -> None:
        # A job that needs a worker meets the same error, and tells it.
        with contextlib.suppress(BrokenWorkerProcess, OSError):
            await self._pool.settle()


def _remote(call: Call) -> trip.RemoteCall:
    assert call.code is not None
    return (
        call.task,
        call.code,
        tuple([(name, _pickled(driver), kept) for name, driver, kept in call.inputs]),
        tuple([(name, _pickled(driver), path) for name, driver, path in call.outputs]),
        call.sources,
    )


@lru_cache(1024)
def _pickled(driver: Driver) -> bytes:
    return pickle.dumps(driver, 5)


def _note_log(worker: Worker, outcome: Outcome) -> None:
    if outcome.log is not None and not isinstance(outcome.log, str):
        worker.logged = outcome.log.end


def _clean_up(calls: Sequence[Call], worker: Worker) -> Log | None:
    """Remove what killed calls left of their outputs; return what was printed."""
    for call in calls:
        for _name, driver, path in call.outputs:
            staged = driver.staged(path)

            for name in {path, staged, temporary_name(path), temporary_name(staged)}:
                with contextlib.suppress(OSError):
                    os.unlink(name)

    return worker.rest_of_log()
