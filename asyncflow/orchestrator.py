"""The orchestrator: picks the alternatives, opens them, and has the verbs.

It can be entered in one task and left in another (a web server's lifespan, a fixture):
everything that runs belongs to its *host task*, which owns the task group.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, Self

import attrs
from anyio import CancelScope, create_task_group, to_thread

from asyncflow.abc import Executor, Store
from asyncflow.alternatives import MODES
from asyncflow.background import BackgroundContext, unwrap_single
from asyncflow.config import Config, Configuration
from asyncflow.config.checks.values import names_arguments
from asyncflow.config.sections import JobConfig, ScenarioConfig
from asyncflow.errors import ConfigError, NotOpen, UsageError
from asyncflow.gc_pause import pause_gc
from asyncflow.listing import Listing
from asyncflow.log import logger as _logger
from asyncflow.runtime.checks import check_place, check_workers
from asyncflow.runtime.signals import Signals
from asyncflow.runtime.wiring import as_store, open_workers, usable_cpus
from asyncflow.watching import Watching

if TYPE_CHECKING:
    from asyncflow.entities.data_node import DataNode, Edit
    from asyncflow.entities.job import Job
    from asyncflow.entities.planned import PlannedJob
    from asyncflow.entities.scenario import Scenario
    from asyncflow.entities.submission import Submission
    from asyncflow.entities.submittable import Submittable
    from asyncflow.entities.verbs import OnFailure
    from asyncflow.records import Pruned, SubmissionRecord
    from asyncflow.recovery.loader import Entity
    from asyncflow.runtime.engine import Engine
    from asyncflow.runtime.open import Opening
    from asyncflow.worker.streams import Stream


_SYNC = (
    "an Orchestrator is opened with `async with` in an async function; "
    "`asyncflow.sync.Orchestrator` is the one for `with`, `run()` and `stop()`"
)


@names_arguments
@attrs.define(eq=False, repr=False)
class Orchestrator(Listing, Watching):
    """Open with ``async with``; then create scenarios and submit them.

    Opening it adopts the runs of orchestrators on the same store that were killed: what
    had completed stays, the rest goes on here. Those whose scenario config is not
    declared here, or has other tasks now, are left alone.

    Leaving it cancels the runs that have not ended, and returns when their workers are
    dead: ``await drain()`` first to have them end by themselves. Adopted runs are not
    cancelled: who opens the store next adopts them.

    The same holds for all runs if it is interrupted: if its task is cancelled, or if it
    is left, however, after a SIGINT (Ctrl-C) or a SIGTERM. After these what runs has the
    time to end that `configure_job_executions` calls ``shutdown_grace``; a further signal
    kills it at once.

    :param config: what is declared
    :param store: where records and values are kept: a `Store`, the path of an SQLite
        file, the ``postgresql://`` address of a database, or ``":memory:"``, where they
        last as long as it is open. None is what the environment variable
        ``ASYNCFLOW_STORE`` says, or else ``.asyncflow/asyncflow.db`` in the current
        directory; ``~`` in a path is the user's home
    :param adopt: whether it goes on with runs that other processes have left unfinished;
        a function is asked for the record of each, and tells. What is not adopted stays
        for others
    :raises UsageError: where the address of a store is none that is known
    """

    config: Configuration = Config
    store: Store = attrs.field(default=None, converter=as_store)
    adopt: bool | Callable[[SubmissionRecord], bool] = True
    _engine: Engine | None = attrs.field(init=False, default=None)
    _host: BackgroundContext = attrs.field(init=False, factory=BackgroundContext)
    _signals: Signals = attrs.field(init=False)
    _is_cut_off: bool = attrs.field(init=False, default=False)
    """Whether it is left for another reason than that its work is done, or has failed."""
    _thread: int = attrs.field(init=False, default=0)
    _jobs: JobConfig = attrs.field(init=False, factory=JobConfig)
    _declared: JobConfig = attrs.field(init=False, factory=JobConfig)
    """What was declared of the execution of jobs when that was last looked at."""
    _is_closed: bool = attrs.field(init=False, default=True)
    """Whether the store is closed, and so all is durable."""
    _checked: int = attrs.field(init=False, default=-1)

    def __attrs_post_init__(self) -> None:
        self._signals = Signals(self._host.end)

    async def __aenter__(self) -> Self:
        """Open the store and the executors.

        :raises ConfigError: with everything that is wrong with the configuration
        :raises StoreFailed: where the store cannot be opened, or read
        :raises UsageError: where it cannot work: it is open already, on another event
            loop than asyncio's, inside a worker process
        """
        check_place()
        await self._check_config()
        self._check_closed()
        self._jobs = self._declared = self.config.job_config
        self._thread = threading.get_ident()
        self._is_closed = self._is_cut_off = False
        await self._host.enter(self._listening())
        return self

    async def open(self) -> Self:
        """Open it where no block can be around its use, as in a notebook; then `close`.

        :raises ConfigError: with everything that is wrong with the configuration
        :raises StoreFailed: where the store cannot be opened, or read
        :raises UsageError: as entering it
        """
        return await self.__aenter__()

    async def close(self) -> None:
        """Close it, as leaving its block does: runs that have not ended are cancelled.

        Does nothing where it is closed already.
        """
        if self._host.is_open:
            await self.__aexit__(None, None, None)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> NoReturn:
            hint = f": {_SYNC}" if name in ("run", "start", "stop") else ""
            what = f"an Orchestrator has no attribute {name!r}{hint}"
            raise AttributeError(what, name=name, obj=self)

    def __enter__(self) -> NoReturn:
        """Refuse to be opened by a plain ``with``.

        :raises UsageError: always
        """
        raise UsageError(_SYNC)

    def __exit__(self, *_: object) -> None:
        """Do nothing: it was never entered."""

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is not None and not issubclass(kind, Exception):
            self._is_cut_off = True

            if issubclass(kind, KeyboardInterrupt):  # by whomever it was raised
                self._signals.has_come = True

        await self._host.leave()

    @property
    def is_open(self) -> bool:
        """Whether scenarios can be created and submitted."""
        return self._engine is not None

    @property
    def max_nb_of_workers(self) -> int:
        """How many jobs run at once: one in development mode."""
        of_mode = MODES.load(self._jobs.mode)
        return of_mode.max_jobs or self._jobs.max_nb_of_workers or usable_cpus()

    @max_nb_of_workers.setter
    def max_nb_of_workers(self, count: int) -> None:
        """Change it: more jobs start at once, and none that runs is ended.

        With fewer, slots and worker processes go as their jobs end.

        :raises ValueError: where it is no number of workers
        """
        engine = self._opened()

        if (limit := MODES.load(self._jobs.mode).max_jobs) is not None:
            jobs = "one job runs" if limit == 1 else f"{limit} jobs run"
            raise UsageError(f"in {self._jobs.mode} mode {jobs} at a time, always")

        check_workers(count)
        self._jobs = attrs.evolve(self._jobs, max_nb_of_workers=count)
        engine.scheduler.resize(count)

    async def create_scenario(
        self,
        config: ScenarioConfig | str,
        creation_date: datetime | None = None,
        name: str | None = None,
        **properties: Any,
    ) -> Scenario:
        """Create an instance of a scenario config; write its default data.

        :param config: the config, or its id
        :param creation_date: aware; None for now
        :param name: what people call it
        :param properties: the user's own values, added to those of the config
        :raises ConfigError: with everything that is wrong with the configuration
        :raises NotPicklable: where default data cannot be kept
        """
        engine = self._opened()
        await self._check_config()
        section = self.config.scenario(config)
        return await engine.create(section, creation_date, name, properties)

    def submit(
        self,
        entity: Submittable,
        *,
        timeout: float | None = None,
        run_timeout: float | None = None,
        priority: float = 0.0,
        force: bool = False,
        on_failure: OnFailure = "continue",
        idempotency_key: str | None = None,
        callbacks: Iterable[Callable[[Job], object]] = (),
        properties: Mapping[str, Any] | None = None,
    ) -> Submission:
        """Start a run of a scenario, a sequence or a task; see `Scenario.submit`."""
        return self._opened().submit(
            entity,
            timeout=timeout,
            run_timeout=run_timeout,
            priority=priority,
            force=force,
            on_failure=on_failure,
            idempotency_key=idempotency_key,
            callbacks=callbacks,
            properties=properties or {},
        )

    def plan(
        self, entity: Submittable, *, force: bool = False
    ) -> tuple[PlannedJob, ...]:
        """Say what a run would do; see `Scenario.plan`."""
        return self._opened().plan(entity, force=force)

    def retry_failed(self, submission: Submission) -> Submission:
        """Run again what has not completed; see `Submission.retry_failed`."""
        return self._opened().retry_failed(submission)

    def cancel(self, what: Submission | Job, *, reason: str | None = None) -> bool:
        """Ask for the end of a run or of a job; see `Submission.cancel`, `Job.cancel`.

        :return: whether there was anything to end: False where it had ended already
        """
        if what.is_finished:
            return False

        self._opened().cancel(what, reason or "cancel was called")
        return True

    async def accepted(self, submission: Submission) -> None:
        """Wait until a run is durable; see `Submission.accepted`."""
        if self._engine is not None:
            await self._engine.until_begun(submission)

        await self.flush()

    def will_be_written(self, node: DataNode) -> bool:
        """Tell whether a submitted job is going to write a data node."""
        engine = self._engine
        return engine is not None and engine.scheduler.will_be_written(node)

    async def read(self, node: DataNode, version: int | None = None) -> Any:
        """Read a data node; see `DataNode.read`."""
        return await self._opened().read(node, version)

    async def read_together(self, nodes: Sequence[DataNode]) -> tuple[Any, ...]:
        """Read several data nodes as they are at one moment; see `Scenario.read`."""
        return await self._opened().read_together(nodes)

    async def read_own(self, submission: Submission, name: str) -> Any:
        """Read what a run wrote; see `Submission.read`."""
        return await self._opened().read_own(submission, name)

    async def edit_own(self, submission: Submission, name: str) -> Edit:
        """Return what a run wrote as an edit; see `Output.edit`."""
        return await self._opened().edit_own(submission, name)

    async def write(
        self,
        node: DataNode,
        value: object,
        *,
        editor_id: str | None = None,
        comment: str = "",
    ) -> None:
        """Write a data node; see `DataNode.write`."""
        await self._opened().editing.write(node, value, editor_id, comment)

    async def edits(self, node: DataNode) -> tuple[Edit, ...]:
        """Return the writes of a data node; see `DataNode.edits`."""
        return await self._opened().editing.edits(node)

    async def lock(self, node: DataNode, editor_id: str, timeout: float | None) -> None:
        """Lock a data node; see `DataNode.lock_edit`."""
        await self._opened().editing.lock(node, editor_id, timeout)

    async def unlock(self, node: DataNode, editor_id: str | None) -> None:
        """Unlock a data node; see `DataNode.unlock_edit`."""
        await self._opened().editing.unlock(node, editor_id)

    async def output(self, job: Job, stream: Stream | None = None) -> str:
        """Return what a job printed; see `Job.output`."""
        return await self._opened().output(job, self._jobs.max_log_size, stream)

    def follow(self, job: Job) -> AsyncIterator[str]:
        """Give the lines that a job prints; see `Job.follow`."""
        return self._opened().tail(job, self._jobs.max_log_size)

    async def get(self, entity_id: str) -> Entity:
        """Return the scenario, sequence, task, data node, submission or job of an id.

        It may be of another process: a submission can be awaited whoever runs it, and
        its status, jobs, progress and events are those of now, up to a second. If that
        process dies, its run goes on here. What this program does not declare can
        be read all the same: values, jobs, their output and errors. To submit it raises
        `NotDeclared`.

        :raises NotFound: where there is none with this id
        :raises RecordDamaged: where its record cannot be loaded
        """
        engine = self._opened()
        await self._check_config()
        return await engine.get(entity_id)

    async def delete(self, entity_id: str) -> None:
        """Delete a scenario with all that is its own, or a submission with its jobs.

        Values of the user's own files stay. On cancel it is deleted or not, as a whole.
        What cannot be loaded, of whatever kind, is deleted by its id alone.

        :raises NotFound: where there is none with this id
        :raises UsageError: where a run of it has not ended, or it is something else
        """
        await self._opened().delete(entity_id)

    async def prune(
        self,
        older_than: timedelta | None = None,
        keep: int | None = None,
        *,
        logs_only: bool = False,
    ) -> Pruned:
        """Remove old submissions, with their jobs and what these printed.

        Only those that have finished, of all orchestrators; the values of data nodes
        stay. A submission goes where both conditions hold that are given. It is done in
        batches, so that others can write in between. On cancel a part of it is done.

        A submission with an idempotency key that was removed runs again when it is
        submitted again.

        :param older_than: those that have ended so long ago; None for any
        :param keep: how many of the last submissions stay, whatever their age; None for
            none
        :param logs_only: remove only what the jobs printed
        :return: how much was removed
        :raises UsageError: where neither is given
        """
        return await self._opened().prune(older_than, keep, logs_only=logs_only)

    async def drain(self) -> None:
        """Wait until every run has ended. On cancel only the waiting ends.

        :raises OrchestratorFailed: where the engine cannot go on
        :raises StoreFailed: where the store has failed for good, which has ended them
        """
        engine = self._opened()
        await engine.scheduler.drain()
        engine.scheduler.check()
        engine.outage.check()

    async def flush(self) -> None:
        """Return when everything that was accepted so far is durable."""
        if not self._is_closed:
            await self.store.flush()

    def _check_closed(self) -> None:
        if self._host.is_open:
            raise UsageError(
                "this Orchestrator is open already: use it, or make another"
            )

    async def _check_config(self) -> None:
        """Check the configuration, if it has changed since the last time."""
        while self._checked != self.config.revision:
            revision = self.config.revision

            try:
                await to_thread.run_sync(self.config.check)
            except ConfigError as error:  # the threads on its way say nothing
                raise error.with_traceback(None) from None

            self._checked = revision

        jobs = self.config.job_config

        if self._engine is not None and not jobs.same_content(self._declared):
            self._declared = jobs
            _logger.warning(
                "how jobs are executed was configured while this Orchestrator is open: "
                "that holds from the next opening on; `orchestrator.max_nb_of_workers = "
                "n` changes the number of workers now",
            )

    def _opened(self) -> Engine:
        if self._engine is None:
            raise NotOpen(
                "the Orchestrator is not open: use `async with Orchestrator() as "
                "orchestrator:` around what works with it"
            )

        if threading.get_ident() != self._thread:
            raise UsageError(
                "called from another thread than the event loop's: use an `async def` "
                "function, `anyio.from_thread.run`, or `asyncflow.sync`"
            )

        return self._engine

    @asynccontextmanager
    async def _listening(self) -> AsyncIterator[None]:
        """Hear signals as long as anything is open."""
        self._signals.open()

        try:
            async with self._running():
                yield
        finally:
            self._signals.close()

    @asynccontextmanager
    async def _running(self) -> AsyncIterator[None]:
        """Own all that runs; entered and left by the host task."""
        engine: Engine | None = None

        try:
            async with create_task_group() as starting, AsyncExitStack() as stack:
                workers = await open_workers(self._jobs, stack)

                if workers is not None:  # one starts while the rest is opened
                    count = self.max_nb_of_workers if self._jobs.prewarm else 1
                    starting.start_soon(_warm, workers, count)

                self._engine = engine = await self._open(workers, stack)
                scheduler = engine.scheduler

                engine.recovery.wants = self.adopt

                if engine.is_shared:
                    await engine.recovery.adopt_all()
                    scheduler.group.start_soon(engine.recovery.keep_alive)

                engine.outage.watch()
                engine.keep_to(self.config.core_config)

                try:
                    yield
                except BaseException:  # the event loop stops, or an error of ours
                    self._is_cut_off = True
                    raise
                finally:
                    self._signals.closes(engine.hurry)
                    engine.store.close_soon()

                    with CancelScope(shield=True):
                        await engine.drain_notifications()
                        self._engine = None
                        await self._end_runs(engine)
                        await engine.drain_notifications()

                    scheduler.group.cancel()

                    if workers is not None:  # while the rest is closed
                        starting.start_soon(workers.wind_down)
        except BaseExceptionGroup as group:
            error = unwrap_single(group)
            raise error from error.__cause__
        finally:
            self._engine = None
            self._is_closed = True

            if engine is not None:
                engine.scheduler.give_up("the orchestrator failed")
                engine.bus.end()

                with CancelScope(shield=True):
                    await to_thread.run_sync(engine.tell_unwatched)

            if _logger.is_busy:
                with CancelScope(shield=True):
                    await to_thread.run_sync(_logger.wait)

    async def _open(self, workers: Executor | None, stack: AsyncExitStack) -> Engine:
        opening = await to_thread.run_sync(_opening)
        return await opening(
            verbs=self,
            config=self.config,
            jobs=self._jobs,
            store=self.store,
            workers=workers,
            size=self.max_nb_of_workers,
        ).open(stack)

    async def _end_runs(self, engine: Engine) -> None:
        scheduler = engine.scheduler
        if self._signals.has_come:
            await engine.interrupt(self._jobs.shutdown_grace)
        elif self._is_cut_off:
            await engine.interrupt(0.0)
        else:
            engine.leave()

        await scheduler.drain()
        await scheduler.show_rest()


async def _warm(workers: Executor, count: int) -> None:
    """Start workers before they are needed; a job meets the same error, and tells it."""
    try:
        await workers.warm(count)
    except Exception as error:
        _logger.error("workers could not be started", exc_info=error)


def _opening() -> type[Opening]:
    with pause_gc():
        from asyncflow.runtime.open import Opening

    return Opening
