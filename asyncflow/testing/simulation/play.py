"""Playing a trial: orchestrators run in simulated processes, and things go wrong."""

from __future__ import annotations

import asyncio
import gc
import logging
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import attrs
from anyio import sleep

from asyncflow.abc import Executor
from asyncflow.alternatives import MODES
from asyncflow.records import JobRecord, SubmissionRecord
from asyncflow.testing.simulation.chance import Chance
from asyncflow.testing.simulation.declaring import MODE
from asyncflow.testing.simulation.ending import Ending
from asyncflow.testing.simulation.executor import SimulatedExecutor
from asyncflow.testing.simulation.jobs import here
from asyncflow.testing.simulation.loop import SimulatedLoop, Stuck
from asyncflow.testing.simulation.observed import observed
from asyncflow.testing.simulation.patches import simulated
from asyncflow.testing.simulation.process import Process, current
from asyncflow.testing.simulation.program import Program, is_expected
from asyncflow.testing.simulation.stage import MakeStore, Stage
from asyncflow.testing.simulation.trial import Fault, Trial
from asyncflow.testing.simulation.world import World

LONGEST = 900.0
"""How long all runs may take to end once nothing goes wrong any more, in seconds."""

STEPS = 400_000
"""How many callbacks of the event loop a trial may have."""


@attrs.frozen(kw_only=True)
class Outcome:
    """What came of a trial."""

    trial: Trial
    violations: tuple[str, ...]
    """Which promises were broken; none where all were kept."""
    digest: str
    """What tells its trace from all others."""
    trace: tuple[str, ...]
    elapsed: float
    """How many simulated seconds it took."""


@attrs.define(eq=False)
class Play:
    """Plays one trial.

    :param make_store: makes the store of a process; None for the simulated one
    :param executor: what runs jobs; None for the simulated one
    """

    trial: Trial
    world: World
    make_store: MakeStore | None = None
    executor: type[Executor] | None = None
    stage: Stage = attrs.field(init=False)
    processes: list[Process | None] = attrs.field(init=False)
    """Who lives now, in the places of the trial."""
    _count: int = attrs.field(init=False, default=0)
    _tasks: list[Any] = attrs.field(init=False, factory=list)

    def __attrs_post_init__(self) -> None:
        self.stage = Stage(self.trial, self.world, self.make_store)
        self.processes = [None] * len(self.trial.hosts)

    async def run(self) -> None:
        """Play it."""
        jobs, mode = self.stage.jobs, self.executor
        here[:] = [jobs]
        SimulatedExecutor.world, SimulatedExecutor.jobs = self.world, jobs
        MODES.register(
            MODE, SimulatedExecutor if mode is None else observed(mode, jobs)
        )
        self.stage.disk.mishaps.update(
            (int(fault.amount), fault.kind)  # type: ignore[misc]  # one of those
            for fault in self.trial.faults
            if fault.kind in ("refused", "unsure", "broken")
        )

        for place in range(len(self.trial.hosts)):
            self._start(place)

        for fault in self.trial.faults:
            asyncio.get_running_loop().call_later(fault.at, self._strike, fault)

        times = [
            *(act.at for act in self.trial.acts),
            *(fault.at for fault in self.trial.faults),
        ]
        last = max(times, default=0.0)
        await sleep(last + 0.1)
        await self._heal()
        await self._until_rest()
        await self._close()

    def _start(self, place: int) -> None:
        """Start a process, again or for the first time."""
        if self.stage.is_over:
            return

        self._count += 1
        host = self.trial.hosts[place]
        process = self.world.spawn(f"p{place}.{self._count}", host)
        self.processes[place] = process
        self.world.note("starts", process.name)
        token = current.set(process)

        try:
            program = Program(self.stage, place, process)
            task = asyncio.create_task(program.run())
        finally:
            current.reset(token)

        self._tasks.append(task)
        task.add_done_callback(lambda _: self._ended(place, process))

    def _ended(self, place: int, process: Process) -> None:
        self.world.loop.call_later(1.0, self._start_again, place, process)

    def _strike(self, fault: Fault) -> None:
        place = fault.process % len(self.processes)
        process = self.processes[place]

        if process is None or self.stage.is_over or not process.is_alive:
            return

        loop = self.world.loop
        self.world.note("fault", fault.kind, process.name, fault.amount)

        if fault.kind == "kill":
            self.world.kill(process)
            loop.call_later(fault.amount, self._start_again, place, process)
        elif fault.kind == "stop" and not process.is_stopped:
            process.is_stopped = True
            loop.call_later(fault.amount, loop.go_on, process)
        elif fault.kind == "jump":
            process.offset += fault.amount
        elif fault.kind == "away":
            self.stage.disk.go_away(process, fault.amount)

    def _start_again(self, place: int, dead: Process) -> None:
        if self.processes[place] is dead:
            self._start(place)

    async def _heal(self) -> None:
        """Have nothing go wrong any more: all processes are there, and go on."""
        self.stage.disk.mishaps.clear()
        self.stage.begun.update(range(len(self.trial.acts)))
        self.world.note("heals")
        await sleep(100.0)

        self._restart_ended()

    async def _until_rest(self) -> None:
        until = self.world.elapsed + LONGEST

        while left := [run.id for run in await self._runs() if run.finished is None]:
            if self.world.elapsed > until:
                self.world.violated(f"runs do not end: {', '.join(sorted(left))}")
                break

            await sleep(1.0)
            self._restart_ended()

        await sleep(1.0)

        for name, engine in self.stage.engines.items():
            process = next(
                process for process in self.world.processes if process.name == name
            )

            if process.is_alive and not self.stage.audit.is_ousted(process):
                Ending(self.stage.audit).at_rest(engine, process)

    def _restart_ended(self) -> None:
        for place, process in enumerate(self.processes):
            if process is None or not process.is_alive:
                self._start(place)

    async def _close(self) -> None:
        self.stage.is_over = True
        living = [task for task in self._tasks if not task.done()]
        owned = [
            task
            for task in living
            if task.process is not None and task.process.is_alive
        ]

        if owned:
            _, left = await asyncio.wait(owned, timeout=120.0)

            if left:
                self.world.violated(f"{len(left)} orchestrators do not close")
                return

        ending = Ending(self.stage.audit)
        ending.at_end(await self._runs(), await self._jobs())

        if self.make_store is None:
            kinds = {fault.kind for fault in self.trial.faults}
            unclean = {"kill", "broken", "away", "stop"}
            ending.on_disk(is_clean=not kinds & unclean)

    async def _runs(self) -> Sequence[SubmissionRecord]:
        """Return all submissions that are kept."""
        if self.make_store is None:
            return self.stage.disk.kept._tables.submissions.found()

        async with self.make_store(self.world.folder, -1) as store:
            return await store.submissions()

    async def _jobs(self) -> Sequence[JobRecord]:
        """Return all jobs that are kept."""
        if self.make_store is None:
            return self.stage.disk.kept._tables.jobs.found()

        async with self.make_store(self.world.folder, -1) as store:
            return await store.jobs()


def played(
    trial: Trial,
    store: MakeStore | None = None,
    executor: type[Executor] | None = None,
    *,
    cleans: bool = True,
) -> Outcome:
    """Play a trial; tell what came of it.

    :param store: makes the store of a process; None for the simulated one
    :param executor: what runs jobs; None for the simulated one
    :param cleans: whether to collect what it leaves in memory: that takes its time
    """
    folder = Path(tempfile.mkdtemp(prefix="asyncflow-simulation-", dir=_memory()))
    hook, sys.unraisablehook = sys.unraisablehook, lambda _: None
    logger = logging.getLogger("asyncflow")
    before, logger.propagate = logger.propagate, False
    silent = logging.NullHandler()
    logger.addHandler(silent)

    try:
        # What it leaves is ended as it is let go: nothing of that is to be seen.
        outcome = _played(trial, folder, store, executor)

        if cleans:
            gc.collect()

        return outcome
    finally:
        sys.unraisablehook = hook
        logger.propagate = before
        logger.removeHandler(silent)
        MODES.unregister(MODE)
        shutil.rmtree(folder, ignore_errors=True)


def _played(
    trial: Trial,
    folder: Path,
    store: MakeStore | None,
    executor: type[Executor] | None,
) -> Outcome:
    loop = SimulatedLoop(1000.0, STEPS)
    world = World(loop, Chance(trial.seed), folder)

    with simulated(world), _log_heard(world):
        play = Play(trial, world, store, executor)

        try:
            loop.run_until_complete(play.run())
        except Stuck as error:
            world.violated(f"stuck: {error}")

        for problem in loop.problems:
            world.violated(f"nobody took {problem}")

        outcome = Outcome(
            trial=trial,
            violations=tuple(world.violations),
            digest=world.digest(),
            trace=tuple(world.trace),
            elapsed=world.elapsed,
        )
        _bury(world)

    loop.close()
    return outcome


def _bury(world: World) -> None:
    """End what is left of the tasks of dead processes."""
    world.loop.max_steps = sys.maxsize

    for task in {*world.graves, *asyncio.all_tasks(world.loop)}:
        task._log_destroy_pending = False

        with suppress(BaseException):
            task.get_coro().close()

    world.graves.clear()


def _memory() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108  # a disk in memory


@contextmanager
def _log_heard(world: World) -> Iterator[None]:
    """Have what the engine logs in the trace."""
    logger = logging.getLogger("asyncflow")

    class Heard(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            text = record.getMessage()
            world.note("log", record.levelname, text.splitlines()[0][:200])

            if record.levelno >= logging.ERROR and record.exc_info:
                error = record.exc_info[1]

                if error is not None and not is_expected(error):
                    world.violated(f"logged: {text[:200]} {error!r}")

    handler = Heard()
    logger.addHandler(handler)

    try:
        yield
    finally:
        logger.removeHandler(handler)
