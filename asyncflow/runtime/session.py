"""What an orchestrator is from its opening to its closing.

It can be entered in one task and left in another (a web server's lifespan, a fixture):
everything that runs belongs to its *host task*, which owns the task group.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from threading import get_ident
from typing import TYPE_CHECKING, Any

import attrs
from anyio import CancelScope, Event, create_task_group, to_thread
from anyio.lowlevel import checkpoint_if_cancelled

from asyncflow import ids
from asyncflow.abc import Executor, Store, WorkerInfo
from asyncflow.alternatives import MODES
from asyncflow.background import (
    BackgroundContext,
    in_thread_to_its_end,
    unwrap_single,
)
from asyncflow.config import Configuration
from asyncflow.config.sections import CoreConfig, JobConfig, ScenarioConfig
from asyncflow.errors import ConfigError, NotOpen, UsageError
from asyncflow.log import logger as _logger
from asyncflow.runtime.checks import OTHER_THREAD, check_place, check_workers
from asyncflow.runtime.signals import Signals
from asyncflow.runtime.wiring import ignored, open_workers, usable_cpus

if TYPE_CHECKING:
    from anyio.abc import TaskStatus

    from asyncflow.records import SubmissionRecord
    from asyncflow.runtime.engine import Engine


FIXED = ("version_number", "mode", "values", "values_options")
"""What of [CORE] counts as it is when the orchestrator is opened."""


class Session:
    """Opens the engine, ends its runs, and closes it; it can be opened again.

    :param adopt: see `Orchestrator`
    :param open_engine: opens the engine around worker processes, if there are any; the
        stack closes what belongs to it
    :param folder: see `Orchestrator`
    :param version: that of the application; see `Orchestrator`
    :param values: where values are kept; see `Orchestrator`
    :param values_options: those of that address
    """

    def __init__(
        self,
        config: Configuration,
        store: Store,
        adopt: bool | Callable[[SubmissionRecord], bool],
        open_engine: Callable[
            [Session, Executor | None, AsyncExitStack], Awaitable[Engine]
        ],
        folder: str | None = None,
        version: str | None = None,
        values: str | None = None,
        values_options: Mapping[str, Any] | None = None,
    ) -> None:
        self.config = config
        self.store = store
        self.adopt = adopt
        self.open_engine = open_engine
        self.folder = folder
        self.version = version
        self.values = values
        self.values_options = values_options
        self.engine: Engine | None = None
        """What is open; None before and after."""
        self.jobs: JobConfig = JobConfig()
        """How jobs are executed in this opening."""
        self.owner_id: str = ""
        """The id that the orchestrator has in this opening."""
        self._host = BackgroundContext()
        self._is_cut_off = False
        """Whether it is left for another reason than that its work is done, or has failed."""
        self.thread: int = 0
        """The one of the event loop that it is open on."""
        self._workers: Executor | None = None
        """What runs the jobs that name no executor, where it does not run all."""
        self._declared = JobConfig()
        """What was declared of the execution of jobs when that was last looked at."""
        self._core = CoreConfig()
        """What was declared of all when that was last looked at."""
        self._zone: str | None = None
        """The time zone that was declared when it was opened."""
        self._is_closed = True
        """Whether the store is closed, and so all is durable."""
        self._checked: int = -1
        """The revision of the configuration that was checked last."""
        self._compared: int = -1
        """That in which it was looked last how jobs are executed."""
        self._told: set[str] = set()
        """Which keys and properties without effect were told of."""

        self._interrupted: Event | None = None
        """Tells that the runs have ended, for which a signal to a web server has asked."""
        self.signals: Signals = Signals(self._host, self)

    async def enter(self) -> None:
        """Open it; see `Orchestrator.open`. On cancel nothing stays open."""
        check_place()
        await self.check_config()

        if self._host.is_open:
            raise UsageError(
                "this Orchestrator is open already: use it, or make another"
            )

        self.jobs = self._declared = self.config.job_config
        self._core = self.config.core_config
        self._zone = self._core.time_zone
        self.thread = get_ident()
        self._is_closed = self._is_cut_off = False
        self._interrupted = None
        await self._host.enter(self._listening())

    async def leave(self, kind: type[BaseException] | None) -> None:
        """End what runs, and close it. A cancel does not end it: it makes it faster.

        :param kind: the error that it is left by
        :raises UsageError: from another thread than that of its event loop
        """
        if self._host.is_open and get_ident() != self.thread:
            raise UsageError(OTHER_THREAD)

        if kind is not None and not issubclass(kind, Exception):
            self._is_cut_off = True

            if issubclass(kind, KeyboardInterrupt):  # by whomever it was raised
                self.signals.has_come = True

        await self._host.leave()

    @property
    def is_entered(self) -> bool:
        """Whether there is something to leave."""
        return self._host.is_open

    @property
    def max_nb_of_workers(self) -> int:
        """How many jobs run at once: one in development mode."""
        of_mode = MODES.load(self.jobs.mode)
        said = of_mode.max_jobs or self.jobs.max_nb_of_workers
        return said or (self._workers and self._workers.capacity) or usable_cpus()

    def resize(self, count: int) -> None:
        """Change how many jobs run at once; see `Orchestrator.max_nb_of_workers`."""
        engine = self.opened()

        if (limit := MODES.load(self.jobs.mode).max_jobs) is not None:
            jobs = "one job runs" if limit == 1 else f"{limit} jobs run"
            raise UsageError(f"in {self.jobs.mode} mode {jobs} at a time, always")

        check_workers(count)
        self.jobs = attrs.evolve(self.jobs, max_nb_of_workers=count)
        engine.scheduler.slots.resize(count)

    def flush(self) -> Coroutine[Any, Any, None]:
        """Return when everything that was accepted so far is durable."""
        return checkpoint_if_cancelled() if self._is_closed else self.store.flush()

    async def section(self, config: ScenarioConfig | str) -> ScenarioConfig:
        """Return that of which scenarios of a config are created, once all is checked.

        :raises ConfigError: with everything that is wrong with the configuration
        """
        if hasattr(sys, "ps1"):
            from asyncflow.dispatch import redefined

            redefined.renew(self.config, self.config.scenario(config))

        await self.check_config()
        return self.config.scenario(config)

    async def check_config(self) -> None:
        """Check the configuration, if it has changed since the last time."""
        while self._checked != self.config.revision:
            revision = self.config.revision

            try:
                await in_thread_to_its_end(self.config.check)
            except ConfigError as error:  # the threads on its way say nothing
                raise error.with_traceback(None) from None

            self._checked = revision
            self._tell_of_what_has_no_effect()

        if self.engine is not None and self._compared != self._checked:
            self._compared = self._checked
            self._compare_jobs()

    def keep_jobs(self) -> None:
        """Execute jobs as they are in this opening, whatever is declared of that now."""
        self._declared = self.config.job_config

    def _compare_jobs(self) -> None:
        """Say so where the execution of jobs was declared otherwise meanwhile.

        :raises UsageError: where what cannot change was: the mode, or the time zone
        """
        jobs, zone = self.config.job_config, self.config.core_config.time_zone

        if jobs.mode != self._declared.mode or zone != self._zone:
            self._compared = -1  # who goes on is told again
            what = "mode of [JOB]" if zone == self._zone else "time_zone of [CORE]"
            raise UsageError(
                f"{what} was configured anew while this Orchestrator is open, where it "
                "cannot change: leave it and open it again (of asyncflow.sync: `stop()`, "
                "then `run()`), or configure what it was opened with: "
                f"{self._declared.mode!r}, {self._zone!r}"
            )

        if not jobs.same_content(self._declared):
            self._declared = jobs
            _logger.warning(
                "how jobs are executed was configured while this Orchestrator is open: "
                "that holds from the next opening on; `orchestrator.max_nb_of_workers = "
                "n` changes the number of workers now",
            )

    def _tell_of_what_has_no_effect(self) -> None:
        config = self.config
        before, self._core = self._core, config.core_config
        late = [
            name for name in FIXED if getattr(before, name) != getattr(self._core, name)
        ]

        if late and self.engine is not None:
            _logger.warning(
                "%s of [CORE] was configured while this Orchestrator is open: that holds "
                "from the next opening on",
                ", ".join(late),
            )

        own = config.data_nodes, config.tasks, config.scenarios
        sections = [
            section for kind in own for section in kind.values() if section.properties
        ]
        nodes = [section for section in config.data_nodes.values() if section.options]

        if not sections and not nodes and not config.core_config.properties:
            return

        from asyncflow.config.checks import stray_options, taipy_keys, unused_options

        self._tell(
            *taipy_keys.notes("CORE", config.core_config.properties),
            *stray_options.notes(sections),
            *unused_options.notes(nodes),
        )

    def _tell(self, *lines: str) -> None:
        for line in lines:
            if line not in self._told:
                self._told.add(line)
                _logger.warning("%s", line)

    def opened(self) -> Engine:
        """Return what is open, to who asks from the thread of its event loop."""
        if self.engine is None:
            raise NotOpen(
                "the Orchestrator is not open: use `async with Orchestrator() as "
                "orchestrator:` around what works with it"
            )

        if get_ident() != self.thread:
            raise UsageError(OTHER_THREAD)

        return self.engine

    @asynccontextmanager
    async def _listening(self) -> AsyncIterator[None]:
        """Hear signals as long as anything is open."""
        self.signals.open()

        try:
            async with self._running():
                self.signals.is_opening = False
                yield
        finally:
            self.signals.close()

    @asynccontextmanager
    async def _running(self) -> AsyncIterator[None]:
        """Own all that runs; entered and left by the host task."""
        engine: Engine | None = None

        try:
            async with create_task_group() as starting, AsyncExitStack() as stack:
                self.owner_id = ids.of_orchestrator()
                self._workers = workers = await open_workers(
                    self.jobs, stack, self.owner_id
                )

                self._tell(*ignored(self.jobs))

                # One starts while the rest is opened.
                if workers is not None and self.jobs.prewarm is not False:
                    count = self.max_nb_of_workers if self.jobs.prewarm else 1
                    await starting.start(_warm, workers, count)

                self.engine = engine = await self.open_engine(self, workers, stack)
                await self._begin(engine)
                self._follow(workers)

                try:
                    yield
                except BaseException:  # the event loop stops, or an error of ours
                    self._is_cut_off = True
                    raise
                finally:
                    await self._end(engine)

                    if workers is not None:  # while the rest is closed
                        starting.start_soon(workers.wind_down)
        except BaseExceptionGroup as group:
            error = unwrap_single(group)
            raise error from error.__cause__
        finally:
            self.engine = None
            self._is_closed = True
            await _finish(engine)

    async def list_workers(self, *, stacks: bool) -> list[WorkerInfo]:
        """List the worker processes; see `Orchestrator.workers`."""
        self.opened()

        if self._workers is None:
            return []

        return await self._workers.list_workers(stacks=stacks)

    def capacity_changed(self, count: int) -> None:
        """Have as many slots as the executor can run jobs at once, where it says that."""
        if self.engine is not None and self.jobs.max_nb_of_workers is None:
            self.engine.scheduler.slots.resize(count)

    def _follow(self, workers: Executor | None) -> None:
        if workers is not None and workers.capacity is not None:
            workers.listener = self
            self.capacity_changed(workers.capacity)

    async def _begin(self, engine: Engine) -> None:
        """Go on with the runs of the dead, and begin to look after what is open."""
        engine.recovery.wants = self.adopt

        if self.version is not None or self.config.core_config.version_number:
            from asyncflow.runtime.label_opening import open_labels

            await open_labels(engine, self.version)

        if engine.is_shared:
            await engine.recovery.adopt_all()
            engine.scheduler.group.start_soon(engine.recovery.keep_alive)

        engine.outage.watch()
        engine.keep_to(self.config.core_config)

    async def _end(self, engine: Engine) -> None:
        """End the runs; whoever asks for something meanwhile is told that it closes."""
        self.signals.closes(engine)
        engine.store.close_soon()

        with CancelScope(shield=True):
            await engine.drain_notifications()
            self.engine = None
            await self._end_runs(engine)
            await engine.drain_notifications()

        engine.scheduler.group.cancel()

    def interrupt_soon(self) -> None:
        """End the runs while it is open still; see `Signals`."""
        if (engine := self.engine) is not None and self._interrupted is None:
            from asyncflow.runtime.interruption import interrupt

            self._interrupted = ended = Event()
            self.signals.closes(engine)
            grace = self.jobs.shutdown_grace
            engine.scheduler.group.start_soon(interrupt, engine, grace, ended)

    async def _end_runs(self, engine: Engine) -> None:
        if self._interrupted is not None:
            await self._interrupted.wait()
            await engine.interrupt(0.0)  # what was submitted since
        elif self.signals.has_come:
            await engine.interrupt(self.jobs.shutdown_grace)
        elif self._is_cut_off:
            await engine.interrupt(0.0)
        else:
            engine.leave()

        await engine.scheduler.runs.drain()
        await engine.scheduler.show_rest()


async def _finish(engine: Engine | None) -> None:
    """Tell who still waits that nothing comes any more; have the log handled."""
    if engine is not None:
        engine.scheduler.give_up("the orchestrator failed")
        engine.bus.end()

        with CancelScope(shield=True):
            await to_thread.run_sync(engine.tell_unwatched)

    if _logger.is_busy:
        with CancelScope(shield=True):
            await to_thread.run_sync(_logger.wait)


async def _warm(
    workers: Executor, count: int, *, task_status: TaskStatus[None]
) -> None:
    """Start workers before they are needed; a job meets the same error, and tells it."""
    try:
        try:
            await workers.begin()
        finally:
            task_status.started()

        await workers.warm(count)
    except Exception as error:
        _logger.error("workers could not be started", exc_info=error)
