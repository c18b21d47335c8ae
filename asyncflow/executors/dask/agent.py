"""The agent: asyncflow's own worker processes on the host of a Dask worker.

It has an event loop and a thread of its own, so that neither it nor Dask holds the other
up, and so that several programs on one Dask worker do not share processes.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from functools import partial

import attrs
from anyio import to_thread

from asyncflow.abc import Call, Executor, WorkerInfo
from asyncflow.errors import ModuleDiffers
from asyncflow.executors.dask.payload import refused, unpack
from asyncflow.executors.dask.relay import Relay, Sender
from asyncflow.worker.failure import raised

KEPT = 256
"""How many kills are kept for trips that may come yet."""


@attrs.define(eq=False, repr=False)
class Agent:
    """Runs trips in worker processes, until it is closed.

    :param executor: runs them; it is not open yet
    :param checks_code: whether modules may differ from those of the submitter
    """

    executor: Executor
    checks_code: bool = True
    _trips: dict[int, Relay] = attrs.field(init=False, factory=dict)
    """Those under way, by their numbers."""
    _early: deque[tuple[int, list[str]]] = attrs.field(
        init=False, factory=partial(deque, maxlen=KEPT)
    )
    """Kills that came before their trips, or when these were over."""
    _tasks: set[asyncio.Task[object]] = attrs.field(init=False, factory=set)
    """Those that run trips."""
    _loop: asyncio.AbstractEventLoop = attrs.field(init=False)
    _closing: asyncio.Event = attrs.field(init=False)
    _thread: threading.Thread = attrs.field(init=False)
    _opened: Future[None] = attrs.field(init=False, factory=Future)

    def open(self) -> Future[None]:
        """Start it; return what tells that it is open, or raises why it is not."""
        self._thread = threading.Thread(
            target=self._run, name="asyncflow agent", daemon=True
        )
        self._thread.start()
        return self._opened

    def close(self) -> None:
        """End what runs, and the worker processes. Blocks until that is done."""
        if self._opened.cancelled() or self._opened.exception() is None:
            self._loop.call_soon_threadsafe(self._closing.set)

        self._thread.join()

    def run(self, number: int, payload: bytes, sender: Sender) -> Future[bytes]:
        """Run the calls of a trip; see `Relay` for what is told. On cancel they end."""
        trip = self._trip(number, payload, sender)
        return asyncio.run_coroutine_threadsafe(trip, self._loop)

    def kill(self, number: int, job_ids: list[str], *, now: bool) -> None:
        """Ask for the end of jobs of a trip, which may come later; see `Executor.kill`."""
        self._loop.call_soon_threadsafe(partial(self._kill, number, job_ids, now=now))

    def kill_all(self, number: int) -> None:
        """Ask for the end of all jobs of a trip that is under way."""
        self._loop.call_soon_threadsafe(self._kill_all, number)

    def end(self, job_ids: list[str]) -> Future[list[int]]:
        """Ask for the end of jobs, at once; return the numbers of their trips."""
        return asyncio.run_coroutine_threadsafe(self._end(job_ids), self._loop)

    def list_workers(self) -> Future[list[WorkerInfo]]:
        """List the worker processes."""
        listing = self.executor.list_workers()
        return asyncio.run_coroutine_threadsafe(listing, self._loop)

    def warm(self, count: int) -> Future[None]:
        """Start worker processes before they are needed."""
        return asyncio.run_coroutine_threadsafe(self.executor.warm(count), self._loop)

    async def _trip(self, number: int, payload: bytes, sender: Sender) -> bytes:
        calls = unpack(payload)
        relay = Relay(calls, sender)
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

        if self.checks_code and (wrong := await to_thread.run_sync(refused, calls)):
            _refuse(calls, wrong, relay)
            return relay.end()

        self._trips[number] = relay

        try:
            if not any(trip == number for trip, _ in self._early):
                await self.executor.run(calls, relay)
        finally:
            del self._trips[number]

        return relay.end()

    def _kill(self, number: int, job_ids: list[str], *, now: bool) -> None:
        if (relay := self._trips.get(number)) is None:
            self._early.append((number, job_ids))
            return

        for call in relay.calls:
            if call.job_id in job_ids:
                self.executor.kill(call, now=now)

    def _kill_all(self, number: int) -> None:
        if (relay := self._trips.get(number)) is not None:
            for call in relay.calls:
                self.executor.kill(call)

    async def _end(self, job_ids: list[str]) -> list[int]:
        found = []

        for number, relay in self._trips.items():
            if calls := [call for call in relay.calls if call.job_id in job_ids]:
                found.append(number)

                for call in calls:
                    self.executor.kill(call, now=True)

        return found

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            if self._opened.done():
                raise

            self._opened.set_exception(error)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._closing = asyncio.Event()

        async with self.executor:
            self._opened.set_result(None)
            await self._closing.wait()

            for task in self._tasks:  # its host is about to go
                task.cancel()

            await asyncio.gather(*self._tasks, return_exceptions=True)


def _refuse(
    calls: Sequence[Call], wrong: Sequence[tuple[Call, ModuleDiffers]], relay: Relay
) -> None:
    """End the calls whose modules differ; hand back the others, which may run here."""
    ends = {id(call): error for call, error in wrong}

    for call in calls:
        if (error := ends.get(id(call))) is not None:
            relay.ended(call, raised(error, None))

    if left := [call for call in calls if id(call) not in ends]:
        relay.returned(left)
