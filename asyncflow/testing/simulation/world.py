"""The world of a simulation: its clock, its processes, its chance, and what it tells."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from contextvars import copy_context
from pathlib import Path
from typing import Any

import attrs
from anyio import CancelScope, sleep
from anyio.lowlevel import checkpoint

from asyncflow.testing.simulation.chance import Chance
from asyncflow.testing.simulation.loop import SimulatedLoop
from asyncflow.testing.simulation.network import Network
from asyncflow.testing.simulation.process import Process, current

EPOCH = 1_800_000_000.0
"""What the clocks of the world show at its beginning, in seconds since the epoch."""


@attrs.define(eq=False)
class World:
    """What all simulated processes live in.

    :param folder: where their files are
    :param latency: the longest way of a message, in seconds
    """

    loop: SimulatedLoop
    chance: Chance
    folder: Path
    latency: float = 0.003
    network: Network = attrs.field(init=False)
    processes: list[Process] = attrs.field(init=False, factory=list)
    """All that there ever were, workers too."""
    trace: list[str] = attrs.field(init=False, factory=list)
    violations: list[str] = attrs.field(init=False, factory=list)
    own_pid: int = attrs.field(init=False, factory=os.getpid)
    graves: list[Any] = attrs.field(init=False, factory=list)
    """The tasks of dead processes: nothing of them may be run, not even to end it."""
    _began: float = attrs.field(init=False)
    _names: int = attrs.field(init=False, default=0)

    def __attrs_post_init__(self) -> None:
        self.network = Network(self.loop, self.chance, self.latency)
        self._began = self.loop.time()

    # ------------------------------------------------------------------------ its clock

    @property
    def elapsed(self) -> float:
        """How long it has been there, in seconds."""
        return self.loop.time() - self._began

    @property
    def moment(self) -> int:
        """How much has happened: it tells apart what happens at one time."""
        return len(self.trace)

    def true_time(self) -> float:
        """Return the true time, in seconds since the epoch."""
        return EPOCH + self.elapsed

    def time(self) -> float:
        """Return the time by the clock of the running process."""
        process = current.get()
        return self.true_time() + (process.of_orchestrator.offset if process else 0.0)

    async def pause(self, what: str, longest: float) -> None:
        """Take a while: often next to nothing."""
        chance = self.chance.next(what)
        await sleep(longest * chance.random() ** 3 if chance.random() < 0.7 else 0)

    async def in_thread(
        self,
        function: Callable[..., Any],
        *args: Any,
        abandon_on_cancel: bool = False,
        cancellable: bool | None = None,
        limiter: Any = None,
    ) -> Any:
        """Stand for `anyio.to_thread.run_sync`: the function is called here, later."""
        is_abandoned = abandon_on_cancel if cancellable is None else cancellable

        if limiter is None:
            return await self._in_thread(function, args, is_abandoned)

        async with limiter:
            return await self._in_thread(function, args, is_abandoned)

    async def _in_thread(
        self, function: Callable[..., Any], args: tuple[Any, ...], is_abandoned: bool
    ) -> Any:
        await checkpoint()

        with CancelScope(shield=not is_abandoned):
            await self.pause("thread", 0.001)
            context = copy_context()

            try:
                result = context.run(function, *args)
            finally:
                await self.pause("thread", 0.001)

        return result

    # -------------------------------------------------------------------- its processes

    def spawn(self, name: str, host: str) -> Process:
        """Make a process of an orchestrator."""
        process = Process(name, host, pid=10_000 + len(self.processes))
        self.processes.append(process)
        return process

    def worker_of(self, process: Process) -> Process:
        """Make a worker of a process."""
        pid = 10_000 + len(self.processes)
        worker = Process(f"{process.name}.{pid}", process.host, pid, parent=process)
        self.processes.append(worker)
        return worker

    def kill(self, process: Process) -> None:
        """Kill a process; its workers follow a moment later."""
        if not process.is_alive:
            return

        self.note("killed", process.name)
        self.graves += self.loop.tasks_of(process)
        process.is_alive = False
        process.is_stopped = False
        self.network.break_with(process)

        for worker in self.processes:
            if worker.parent is process and worker.is_alive:
                delay = self.chance.next("orphan").random() ** 2 * 0.004
                self.loop.call_later(delay, self._end_worker, worker)

    def _end_worker(self, worker: Process) -> None:
        if worker.is_alive:
            self.graves += self.loop.tasks_of(worker)
            worker.is_alive = False

    def process_of(self, host: str, pid: int) -> Process | None:
        """Return the process that lives on a host under a pid."""
        for process in self.processes:
            if process.pid == pid and process.host == host and process.is_alive:
                return process

        return None

    # ------------------------------------------------------------------ what it tells

    def new_name(self, kind: str) -> str:
        """Return a name that nothing else here has."""
        self._names += 1
        return f"{kind}-{self._names}"

    def note(self, *parts: object) -> None:
        """Write down what happens."""
        process = current.get()
        name = process.name if process else "-"
        self.trace.append(f"{self.elapsed:.9f} {name} {' '.join(map(str, parts))}")

    def violated(self, what: str) -> None:
        """Write down that a promise was broken."""
        self.note("VIOLATION", what)

        if what not in self.violations:
            self.violations.append(what)

    def digest(self) -> str:
        """Return what tells its trace from all others."""
        return hashlib.sha256("\n".join(self.trace).encode()).hexdigest()
