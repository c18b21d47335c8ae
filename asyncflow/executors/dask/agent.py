"""The agent: asyncflow's own worker processes on the host of a Dask worker.

It has an event loop and a thread of its own, so that neither it nor Dask holds the other
up, and so that several programs on one Dask worker do not share processes.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Collection, Sequence
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
    _known: dict[int, Relay] = attrs.field(init=False, factory=dict)
    """Those that have come, and may have to be told of again, also when they are over."""
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

    def forget(self, numbers: list[int]) -> None:
        """Forget trips that are over."""
        self._loop.call_soon_threadsafe(self._forget, numbers)

    def held(self) -> Future[dict[str, int]]:
        """Return the attempts of all jobs that it knows, by their ids."""
        return asyncio.run_coroutine_threadsafe(self._held(), self._loop)

    def attach(self, job_id: str, heir: Sender) -> Future[bool]:
        """Tell somebody of a job, from its beginning on; return whether it is known."""
        return asyncio.run_coroutine_threadsafe(self._attach(job_id, heir), self._loop)

    def release(self, job_ids: Collection[str]) -> Future[bool]:
        """Forget jobs, and end those that run; return whether any is left."""
        return asyncio.run_coroutine_threadsafe(self._release(job_ids), self._loop)

    def end(self, job_id: str, *, now: bool) -> None:
        """Ask for the end of a job, whatever trip it is of."""
        self._loop.call_soon_threadsafe(partial(self._end, {job_id}, now=now))

    def list_workers(self, *, stacks: bool) -> Future[list[WorkerInfo]]:
        """List the worker processes; see `Executor.list_workers`."""
        listing = self.executor.list_workers(stacks=stacks)
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

        self._known[number] = relay  # so that it is known to who takes it over

        if self.checks_code and (wrong := await to_thread.run_sync(refused, calls)):
            _refuse(calls, wrong, relay)
            return relay.end()

        self._trips[number] = relay

        try:
            if not relay.held() or any(trip == number for trip, _ in self._early):
                relay.release([call.job_id for call in calls])
            else:
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

    def _forget(self, numbers: list[int]) -> None:
        for number in numbers:
            self._known.pop(number, None)

    @property
    def _relays(self) -> list[Relay]:
        return [*self._known.values()]

    async def _held(self) -> dict[str, int]:
        found: dict[str, int] = {}

        for relay in self._relays:
            for job_id, attempt in relay.held().items():
                found[job_id] = max(attempt, found.get(job_id, 0))

        return found

    async def _attach(self, job_id: str, heir: Sender) -> bool:
        relays = [relay for relay in self._relays if job_id in relay.held()]

        if relays:
            max(relays, key=lambda relay: relay.held()[job_id]).attach(job_id, heir)

        return bool(relays)

    async def _release(self, job_ids: Collection[str]) -> bool:
        self._end(job_ids, now=True)

        for relay in self._relays:
            relay.release(relay.held().keys() & job_ids)

        return any(relay.held() for relay in self._relays)

    def _end(self, job_ids: Collection[str], *, now: bool) -> None:
        for relay in self._trips.values():
            for call in relay.calls:
                if call.job_id in job_ids:
                    self.executor.kill(call, now=now)

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
