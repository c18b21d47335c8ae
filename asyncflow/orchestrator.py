"""The orchestrator: picks the alternatives, opens them, and has the verbs.

It can be entered in one task and left in another (a web server's lifespan, a fixture):
everything that runs belongs to its *host task*, which owns the task group.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import attrs
from anyio import CancelScope, CapacityLimiter, create_task_group, to_thread

from asyncflow.abc import Driver, Executor, Log, Store
from asyncflow.config import Config, Configuration
from asyncflow.config.sections import (
    DataNodeConfig,
    JobConfig,
    ScenarioConfig,
)
from asyncflow.drivers.memory import MemoryDriver
from asyncflow.drivers.pickle import PickleDriver
from asyncflow.entities.catalog import Catalog
from asyncflow.entities.data_node import DataNode
from asyncflow.entities.engine import OnFailure
from asyncflow.entities.job import Job
from asyncflow.entities.planned import PlannedJob
from asyncflow.entities.scenario import Scenario
from asyncflow.entities.submission import Submission
from asyncflow.entities.submittable import Submittable
from asyncflow.entities.task import Task
from asyncflow.errors import (
    InsideWorker,
    NoData,
    NotOpen,
    SubmissionFailed,
    UnsupportedLoop,
    UsageError,
)
from asyncflow.executors.inline import InlineExecutor
from asyncflow.executors.process import ProcessExecutor
from asyncflow.executors.thread import ThreadExecutor
from asyncflow.folder import Folder
from asyncflow.scheduler._host import Host
from asyncflow.scheduler._plan import Graph
from asyncflow.scheduler._travel import Travel, Travels
from asyncflow.scheduler._versions import Versions
from asyncflow.scheduler._walk import Walk
from asyncflow.stores.memory import MemoryStore
from asyncflow.worker import process

_logger = logging.getLogger("asyncflow")

RESERVED = frozenset(
    {"run_timeout", "priority", "idempotency_key", "callbacks", "wait"}
)
"""Names that ``submit`` refuses as properties: they mean something in the field, and
what has no effect must not look as if it had."""


_MEMORY, _PICKLE = MemoryDriver(), PickleDriver()


def _as_store(store: Store | str | os.PathLike[str]) -> Store:
    if isinstance(store, Store):
        return store

    if store == ":memory:":
        return MemoryStore()

    from asyncflow.stores.sqlite import SqliteStore  # loads sqlite3

    return SqliteStore(store)


@attrs.define(eq=False)
class Orchestrator:
    """Open with ``async with``; then create scenarios and submit them.

    Leaving it cancels the runs that have not ended, and returns when their workers are
    dead: ``await drain()`` first to have them end by themselves.

    :param config: what is declared
    :param store: where records are kept: a `Store`, the path of an SQLite file, or
        ``":memory:"`` (the default), where they last as long as it is open
    """

    config: Configuration = Config
    store: Store = attrs.field(factory=MemoryStore, converter=_as_store)
    _walk: Walk | None = attrs.field(init=False, default=None)
    _host: Host = attrs.field(init=False, factory=Host)
    _thread: int = attrs.field(init=False, default=0)
    _directory: str = attrs.field(init=False, default="")
    """The current directory when it was opened: where relative paths begin."""
    _jobs: JobConfig = attrs.field(init=False, factory=JobConfig)
    _is_closed: bool = attrs.field(init=False, default=True)
    """Whether the store is closed, and so all is durable."""
    _checked: int = attrs.field(init=False, default=-1)
    _travels: Travels = attrs.field(init=False)
    _catalog: Catalog = attrs.field(init=False)

    async def __aenter__(self) -> Self:
        """Open the store and the executors.

        :raises ConfigError: with everything that is wrong with the configuration
        :raises StoreFailed: where the store cannot be opened
        :raises UsageError: where it cannot work: it is open already, on another event
            loop than asyncio's, inside a worker process
        """
        _check_place()
        await self._check_config()
        self._check_closed()
        self._jobs = self.config.job_config
        self._travels = Travels(far=self._jobs.mode != "development")
        self._catalog = Catalog(self, self._driver)
        self._thread = threading.get_ident()
        self._is_closed = False
        await self._host.enter(self._running())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            await self._host.leave()
        finally:
            with CancelScope(shield=True):
                await to_thread.run_sync(self._tell_unwatched)

    @property
    def is_open(self) -> bool:
        """Whether scenarios can be created and submitted."""
        return self._walk is not None

    @property
    def max_nb_of_workers(self) -> int:
        """How many jobs run at once: one in development mode."""
        if self._jobs.mode == "development":
            return 1

        return self._jobs.max_nb_of_workers or _usable_cpus()

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
        walk = self._opened_walk()
        await self._check_config()
        section = self.config.scenario(config)
        await self._catalog.prepare(section)
        scenario = self._catalog.make_scenario(section, creation_date, name, properties)
        nodes = scenario.data_nodes.values()
        await walk.versions.write_defaults(nodes)
        self.store.save(scenario.record(), *(node.record() for node in nodes))
        self._catalog.add(scenario)
        return scenario

    def submit(
        self,
        entity: Submittable,
        *,
        timeout: float | None = None,
        force: bool = False,
        on_failure: OnFailure = "continue",
        properties: Mapping[str, Any] | None = None,
    ) -> Submission:
        """Start a run of a scenario, a sequence or a task; see `Scenario.submit`."""
        walk = self._opened_walk()
        _check_options(timeout, on_failure, properties or {})
        submission = self._catalog.make_submission(entity, timeout, properties or {})
        tasks = [job.task for job in submission.jobs]
        travel = self._travel(tasks, force=force)
        _check_inputs(walk, tasks)
        graph = Graph.of(submission.dag, tasks)
        walk.submit(submission, graph, travel, stop=on_failure == "stop")
        self._catalog.submissions[submission.id] = submission
        return submission

    def plan(
        self, entity: Submittable, *, force: bool = False
    ) -> tuple[PlannedJob, ...]:
        """Say what a run would do; see `Scenario.plan`."""
        walk = self._opened_walk()
        tasks = entity.tasks
        ordered = [tasks[config.id] for config in entity.dag.tasks]
        return walk.skips.plan(ordered, self._travel(ordered, force=force))

    def cancel(self, submission: Submission, *, reason: str | None = None) -> None:
        """Ask for the end of a run; see `Submission.cancel`."""
        if not submission.is_finished:
            self._opened_walk().cancel(submission, reason or "cancel was called")

    async def read(self, node: DataNode) -> Any:
        """Read a data node; see `DataNode.read`."""
        return await self._opened_walk().versions.read(node)

    async def write(self, node: DataNode, value: object) -> None:
        """Write a data node; see `DataNode.write`."""
        walk = self._opened_walk()

        with CancelScope(shield=True):
            await walk.versions.write(node, value)
            self.store.save(node.record())
            await self.store.flush()

    async def output(self, job: Job) -> str:
        """Return what a job printed; see `Job.output`."""
        if not isinstance(job.log, Log):
            return job.log or ""

        self._opened_walk()
        return await to_thread.run_sync(job.log.read)

    async def get(self, entity_id: str) -> Scenario | Submission:
        """Return a scenario or a submission of this orchestrator.

        :raises NotFound: where it has none with this id
        """
        return self._catalog.get(entity_id)

    def submissions(self) -> tuple[Submission, ...]:
        """Return the submissions of this orchestrator, in their order."""
        return tuple(self._catalog.submissions.values())

    async def drain(self) -> None:
        """Wait until every run has ended. On cancel only the waiting ends."""
        await self._opened_walk().drain()

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
            await to_thread.run_sync(self.config.check)
            self._checked = revision

    def _opened_walk(self) -> Walk:
        if self._walk is None:
            raise NotOpen(
                "the Orchestrator is not open: use `async with Orchestrator() as "
                "orchestrator:` around what works with it"
            )

        if threading.get_ident() != self._thread:
            raise UsageError(
                "called from another thread than the event loop's: use an `async def` "
                "function, `anyio.from_thread.run`, or `asyncflow.sync`"
            )

        return self._walk

    @asynccontextmanager
    async def _running(self) -> AsyncIterator[None]:
        """Own all that runs; entered and left by the host task."""
        walk: Walk | None = None

        try:
            async with AsyncExitStack() as stack:
                self._directory = await to_thread.run_sync(os.getcwd)
                folder = await to_thread.run_sync(Folder, "values")
                stack.push_async_callback(to_thread.run_sync, folder.remove)
                await stack.enter_async_context(self.store)
                executors = await self._open_executors(stack)
                group = await stack.enter_async_context(create_task_group())
                self._walk = walk = Walk(
                    store=self.store,
                    versions=Versions(folder.path, group),
                    executors=executors,
                    limiter=CapacityLimiter(self.max_nb_of_workers),
                    echo=self._jobs.echo,
                    group=group,
                )

                if self._jobs.prewarm:
                    count = self.max_nb_of_workers
                    group.start_soon(executors["process"].warm, count)

                try:
                    yield
                finally:
                    self._walk = None
                    walk.cancel_all("the orchestrator was closed")

                    with CancelScope(shield=True):
                        await walk.drain()

                    group.cancel_scope.cancel()
        finally:
            self._walk = None
            self._is_closed = True

            if walk is not None:
                walk.give_up("the orchestrator failed")

    async def _open_executors(self, stack: AsyncExitStack) -> dict[str, Executor]:
        inline: Executor = InlineExecutor(echo=self._jobs.echo)

        if self._jobs.mode == "development":
            return dict.fromkeys(("process", "thread", "inline"), inline)

        return {
            "process": await stack.enter_async_context(ProcessExecutor()),
            "thread": await stack.enter_async_context(
                ThreadExecutor(echo=self._jobs.echo)
            ),
            "inline": inline,
        }

    def _tell_unwatched(self) -> None:
        """Log the failures that nobody has seen: no error is passed over in silence."""
        for submission in self._catalog.submissions.values():
            error = None if submission.watched else submission.error()

            if isinstance(error, SubmissionFailed):
                _logger.error("nobody awaited a run that failed: %s", error)

    def _travel(self, tasks: Iterable[Task], *, force: bool) -> dict[str, Travel]:
        return {
            task.config_id: self._travels.of(task.config, force=force) for task in tasks
        }

    def _driver(self, config: DataNodeConfig) -> Driver:
        if config.storage_type == "in_memory":
            return _MEMORY

        if config.default_path is None:
            return _PICKLE

        return PickleDriver(os.path.join(self._directory, config.default_path))


def _check_place() -> None:
    if process.settled is not None:
        raise InsideWorker(
            "an Orchestrator cannot be opened inside a job's worker process: submit "
            "from the program that opened the first one, or start another program"
        )

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        raise UnsupportedLoop(
            "asyncflow runs on asyncio's event loops only (stock and uvloop): use "
            "anyio.run(main) or asyncio.run(main()), without another backend"
        ) from None


def _check_options(
    timeout: object, on_failure: str, properties: Mapping[str, Any]
) -> None:
    if timeout is not None and not (isinstance(timeout, int | float) and timeout >= 0):
        raise ValueError(f"timeout is in seconds, at least 0, or None; got {timeout!r}")

    if on_failure not in ("continue", "stop"):
        raise ValueError(f"on_failure is 'continue' or 'stop'; got {on_failure!r}")

    if names := RESERVED.intersection(properties):
        raise TypeError(
            f"submit() has no option {', '.join(sorted(names))} in this version, and "
            "these names cannot be properties"
        )


def _check_inputs(walk: Walk, tasks: Iterable[Task]) -> None:
    """Refuse a run that reads what was never written, and nothing will write."""
    written: set[str] = set()

    for task in tasks:
        for node in task.input.values():
            if (
                node.version is None
                and node.id not in written
                and not walk.will_be_written(node)
            ):
                raise NoData(node.config_id)

        written.update(node.id for node in task.output.values())


def _usable_cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))

    return os.cpu_count() or 1
