"""The orchestrator: picks the alternatives, opens them, and has the verbs.

It can be entered in one task and left in another (a web server's lifespan, a fixture):
everything that runs belongs to its *host task*, which owns the task group.
"""

from __future__ import annotations

import asyncio
import linecache
import logging
import os
import shutil
import sys
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self, TypeAlias

import attrs
from anyio import CancelScope, CapacityLimiter, Event, create_task_group, to_thread

from asyncflow.abc import Driver, Executor, Log, Store
from asyncflow.config import Config, Configuration
from asyncflow.config.sections import (
    DataNodeConfig,
    JobConfig,
    ScenarioConfig,
    Scope,
    TaskConfig,
)
from asyncflow.drivers.memory import MemoryDriver
from asyncflow.drivers.pickle import PickleDriver
from asyncflow.entities.dag import Dag
from asyncflow.entities.data_node import DataNode
from asyncflow.entities.engine import OnFailure
from asyncflow.entities.job import Job
from asyncflow.entities.scenario import Scenario
from asyncflow.entities.sequence import Sequence
from asyncflow.entities.submission import Submission
from asyncflow.entities.task import Task
from asyncflow.errors import (
    InsideWorker,
    NoData,
    NotFound,
    NotOpen,
    NotPicklable,
    SubmissionFailed,
    UnsupportedLoop,
    UsageError,
)
from asyncflow.executors.inline import InlineExecutor
from asyncflow.executors.process import ProcessExecutor
from asyncflow.executors.thread import ThreadExecutor
from asyncflow.scheduler._plan import Graph
from asyncflow.scheduler._walk import Travel, Walk
from asyncflow.stores.memory import MemoryStore
from asyncflow.worker import process
from asyncflow.worker.codec import dumps_code

logger = logging.getLogger("asyncflow")

Entity: TypeAlias = Scenario | Sequence | Task | DataNode | Job | Submission

RESERVED = frozenset(
    {"run_timeout", "priority", "idempotency_key", "callbacks", "wait"}
)
"""Names that ``submit`` refuses as properties: they mean something in the field, and
what has no effect must not look as if it had."""


_MEMORY, _PICKLE = MemoryDriver(), PickleDriver()


@attrs.define(eq=False)
class Orchestrator:
    """Open with ``async with``; then create scenarios and submit them.

    Leaving it cancels the runs that have not ended, and returns when their workers are
    dead: ``await drain()`` first to have them end by themselves.

    :param config: what is declared
    :param store: where records are kept; by default memory
    """

    config: Configuration = Config
    store: Store = attrs.field(factory=MemoryStore)
    _walk: Walk | None = attrs.field(init=False, default=None)
    _host: asyncio.Task[None] | None = attrs.field(init=False, default=None)
    _opened: Event = attrs.field(init=False, factory=Event)
    _leaving: Event = attrs.field(init=False, factory=Event)
    _thread: int = attrs.field(init=False, default=0)
    _directory: str = attrs.field(init=False, default="")
    """The current directory when it was opened: where relative paths begin."""
    _jobs: JobConfig = attrs.field(init=False, factory=JobConfig)
    _checked: int = attrs.field(init=False, default=-1)
    _dags: dict[ScenarioConfig, Dag] = attrs.field(init=False, factory=dict)
    _travels: dict[TaskConfig, Travel] = attrs.field(init=False, factory=dict)
    _shared: dict[str, DataNode] = attrs.field(init=False, factory=dict)
    _scenarios: dict[str, Scenario] = attrs.field(init=False, factory=dict)
    _submissions: dict[str, Submission] = attrs.field(init=False, factory=dict)

    async def __aenter__(self) -> Self:
        """Open the store and the executors.

        :raises ConfigError: with everything that is wrong with the configuration
        :raises UsageError: where it cannot work: it is open already, on another event
            loop than asyncio's, inside a worker process
        """
        self._check_place()
        self._check_config()
        self._jobs = self.config.job_config
        self._travels.clear()
        self._thread = threading.get_ident()
        self._opened, self._leaving = Event(), Event()
        self._host = asyncio.get_running_loop().create_task(
            self._run(), name="asyncflow host"
        )
        opened = asyncio.ensure_future(self._opened.wait())

        try:
            await asyncio.wait({opened, self._host}, return_when="FIRST_COMPLETED")
        except asyncio.CancelledError:
            await self._close()
            raise
        finally:
            opened.cancel()

        if self._host.done():
            host, self._host = self._host, None
            host.result()

        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._close()

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
        self._opened_walk()
        self._check_config()
        section = self.config.scenario(config)
        key = uuid.uuid4().hex
        nodes = {node.id: self._node(node, key) for node in section.data_node_configs}
        tasks = {task.id: self._task(task, key, nodes) for task in section.task_configs}
        scenario = Scenario(
            id=f"SCENARIO_{section.id}_{key}",
            config=section,
            dag=self._dag(section),
            name=name,
            creation_date=_aware(creation_date),
            properties={**section.properties, **properties},
            tasks=tasks,
            data_nodes=nodes,
            engine=self,
        )

        for label, part in section.sequences.items():
            scenario.sequences[label] = Sequence(  # type: ignore[index]  # still ours
                id=f"SEQUENCE_{label}_{scenario.id}",
                name=label,
                owner_id=scenario.id,
                tasks={task.id: tasks[task.id] for task in part},
                engine=self,
            )

        await self._write_defaults(nodes.values())
        self.store.save(scenario.record(), *(node.record() for node in nodes.values()))
        self._scenarios[scenario.id] = scenario
        return scenario

    def submit(
        self,
        entity: Scenario | Sequence | Task,
        *,
        timeout: float | None = None,
        force: bool = False,
        on_failure: OnFailure = "continue",
        properties: Mapping[str, Any] | None = None,
    ) -> Submission:
        """Start a run of a scenario, a sequence or a task; see `Scenario.submit`."""
        walk = self._opened_walk()
        _check_options(timeout, on_failure, properties or {})
        tasks = _tasks_of(entity)
        dag = self._dag_of(entity)
        travel = {
            task.config_id: self._travel(task.config, force=force) for task in tasks
        }
        by_id = {task.config_id: task for task in tasks}
        ordered = [by_id[config.id] for config in dag.tasks]
        self._check_inputs(walk, ordered)
        submission = Submission(
            key=uuid.uuid4().hex,
            entity=entity,
            engine=self,
            timeout=timeout,
            properties=dict(properties or {}),
            submitted_at=datetime.now(UTC).timestamp(),
        )
        submission.started(
            Job(task=task, submission=submission, index=index)
            for index, task in enumerate(ordered)
        )
        self._submissions[submission.id] = submission
        walk.submit(submission, _graph(dag, ordered), travel, stop=on_failure == "stop")
        return submission

    def cancel(self, submission: Submission, *, reason: str | None = None) -> None:
        """Ask for the end of a run; see `Submission.cancel`."""
        if not submission.is_finished:
            self._opened_walk().cancel(submission, reason or "cancel was called")

    async def read(self, node: DataNode) -> Any:
        """Read a data node; see `DataNode.read`."""
        walk = self._opened_walk()
        version = node.version

        if version is None:
            raise NoData(node.config_id)

        if isinstance(version.kept, bytes):
            return node.driver.read(version.kept)

        walk.pin(version)

        try:
            return await to_thread.run_sync(node.driver.read, version.kept)
        except FileNotFoundError as error:
            raise NoData(node.config_id) from error
        finally:
            walk.unpin(version)

    async def write(self, node: DataNode, value: object) -> None:
        """Write a data node; see `DataNode.write`."""
        walk = self._opened_walk()

        with CancelScope(shield=True):
            kept = await to_thread.run_sync(_keep, node, value, walk.new_path())
            walk.replace(node, kept)
            self.store.save(node.record())
            await self.store.flush()

    async def output(self, job: Job) -> str:
        """Return what a job printed; see `Job.output`."""
        if not isinstance(job.log, Log):
            return job.log or ""

        self._opened_walk()
        return await to_thread.run_sync(_read_log, job.log)

    async def get(self, entity_id: str) -> Scenario | Submission:
        """Return a scenario or a submission of this orchestrator.

        :raises NotFound: where it has none with this id
        """
        entity = self._scenarios.get(entity_id) or self._submissions.get(entity_id)

        if entity is None:
            raise NotFound(entity_id)

        return entity

    def submissions(self) -> tuple[Submission, ...]:
        """Return the submissions of this orchestrator, in their order."""
        return tuple(self._submissions.values())

    async def drain(self) -> None:
        """Wait until every run has ended. On cancel only the waiting ends."""
        await self._opened_walk().drain()

    async def flush(self) -> None:
        """Return when everything that was accepted so far is durable."""
        await self.store.flush()

    def _check_place(self) -> None:
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

        if self._host is not None:
            raise UsageError(
                "this Orchestrator is open already: use it, or make another"
            )

    def _check_config(self) -> None:
        """Check the configuration, if it has changed since the last time."""
        if self._checked != self.config.revision:
            self.config.check()
            self._checked = self.config.revision

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

    async def _run(self) -> None:
        """Own all that runs, from opening to closing: the host task."""
        async with AsyncExitStack() as stack:
            folder, self._directory = await to_thread.run_sync(_make_folder)
            stack.push_async_callback(to_thread.run_sync, _remove_folder, folder)
            await stack.enter_async_context(self.store)
            executors = await self._open_executors(stack)
            group = await stack.enter_async_context(create_task_group())
            self._walk = walk = Walk(
                store=self.store,
                executors=executors,
                limiter=CapacityLimiter(self.max_nb_of_workers),
                folder=folder,
                echo=_print_log if self._jobs.echo else None,
                group=group,
            )

            if self._jobs.prewarm:
                group.start_soon(executors["process"].warm, self.max_nb_of_workers)

            self._opened.set()

            try:
                await self._leaving.wait()
            finally:
                self._walk = None
                walk.cancel_all("the orchestrator was closed")

                with CancelScope(shield=True):
                    await walk.drain()
                    await self.store.flush()

                group.cancel_scope.cancel()

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

    async def _close(self) -> None:
        """End the host task; nothing of it is left when this returns."""
        host, self._host = self._host, None

        if host is None:
            return

        self._leaving.set()

        with CancelScope(shield=True):
            await asyncio.wait({host})
            await to_thread.run_sync(self._tell_unwatched)

        if not host.cancelled():
            host.result()

    def _tell_unwatched(self) -> None:
        """Log the failures that nobody has seen: no error is passed over in silence."""
        for submission in self._submissions.values():
            error = None if submission.watched else submission.error()

            if isinstance(error, SubmissionFailed):
                logger.error("nobody awaited a run that failed: %s", error)

    def _node(self, config: DataNodeConfig, key: str) -> DataNode:
        """Return the data node of a config: a new one, or the one that is shared."""
        if config.scope is not Scope.SCENARIO and config.id in self._shared:
            return self._shared[config.id]

        own = config.scope is Scope.SCENARIO
        node = DataNode(
            id=f"DATANODE_{config.id}_{key}",
            config=config,
            owner_id=key if own else None,
            driver=self._driver(config),
            engine=self,
        )

        if not own:
            self._shared[config.id] = node

        return node

    def _driver(self, config: DataNodeConfig) -> Driver:
        if config.storage_type == "in_memory":
            return _MEMORY

        if config.default_path is None:
            return _PICKLE

        return PickleDriver(os.path.join(self._directory, config.default_path))

    def _task(
        self, config: TaskConfig, key: str, nodes: Mapping[str, DataNode]
    ) -> Task:
        return Task(
            id=f"TASK_{config.id}_{key}",
            config=config,
            input={node.id: nodes[node.id] for node in config.input},
            output={node.id: nodes[node.id] for node in config.output},
            engine=self,
        )

    async def _write_defaults(self, nodes: Iterable[DataNode]) -> None:
        walk = self._opened_walk()
        fresh = [node for node in nodes if node.version is None and _has_default(node)]

        if not fresh:
            return

        paths = [walk.new_path() for _ in fresh]

        with CancelScope(shield=True):
            kept = await to_thread.run_sync(_keep_defaults, fresh, paths)

            for node, one in zip(fresh, kept, strict=True):
                if node.version is None:
                    walk.replace(node, one)

    def _dag(self, config: ScenarioConfig) -> Dag:
        if config not in self._dags:
            self._dags[config] = Dag.of(config.task_configs)

        return self._dags[config]

    def _dag_of(self, entity: Scenario | Sequence | Task) -> Dag:
        if isinstance(entity, Scenario):
            return entity.dag

        return Dag.of(task.config for task in _tasks_of(entity))

    def _travel(self, config: TaskConfig, *, force: bool) -> Travel:
        """Tell how the jobs of a task travel; pickle its function where they must.

        What travels by value is pickled again for each submission, as the globals that
        it uses may have changed.
        """
        travel = self._travels.get(config)

        if travel is None:
            is_async = config.is_async
            executor = "inline" if is_async else config.executor
            far = executor == "process" and self._jobs.mode != "development"
            code = _code(config) if far else None
            sources = _sources(config.function) if far else None
            travel = Travel(executor, is_async, config.skippable, code, sources)

            if code is None or b"cloudpickle" not in code:
                self._travels[config] = travel

        return attrs.evolve(travel, skippable=False) if force else travel

    def _check_inputs(self, walk: Walk, tasks: Iterable[Task]) -> None:
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


def _tasks_of(entity: Scenario | Sequence | Task) -> tuple[Task, ...]:
    return (entity,) if isinstance(entity, Task) else tuple(entity.tasks.values())


def _graph(dag: Dag, tasks: Iterable[Task]) -> Graph:
    ordered = tuple(tasks)
    return Graph(
        successors=dag.successors,
        predecessors=[len(needed) for needed in dag.predecessors],
        reads=[[node.id for node in task.input.values()] for task in ordered],
        writes=[[node.id for node in task.output.values()] for task in ordered],
    )


def _has_default(node: DataNode) -> bool:
    return node.config.default_data is not None or node.config.default_path is not None


def _keep_defaults(nodes: list[DataNode], paths: list[str]) -> list[Any]:
    return [_keep_default(node, path) for node, path in zip(nodes, paths, strict=True)]


def _keep_default(node: DataNode, path: str) -> Any:
    """Keep default data; a file of the user's that is there already stays."""
    own = node.config.default_path

    if own is not None and (node.config.default_data is None or os.path.exists(own)):
        return None

    return _keep(node, node.config.default_data, path)


def _keep(node: DataNode, value: object, path: str) -> Any:
    try:
        return node.driver.publish(node.driver.write(value, path, node.config_id), path)
    except NotPicklable as error:
        raise NotPicklable(f"data node {error.path}", error.why) from error


def _code(config: TaskConfig) -> bytes:
    try:
        return dumps_code(config.function)
    except NotPicklable as error:
        path = f"the function of task {config.id!r}: {error.path}"
        raise NotPicklable(path, error.why) from error


def _sources(function: Callable[..., object]) -> dict[str, str] | None:
    """Return the source file of a function where it is in no file: a notebook's cell."""
    code = getattr(function, "__code__", None)
    entry = linecache.cache.get(code.co_filename) if code else None

    if code is None or entry is None or len(entry) != 4 or entry[1] is not None:
        return None

    return {code.co_filename: "".join(entry[2])}


def _aware(date: datetime | None) -> datetime:
    if date is None:
        return datetime.now(UTC)

    if date.tzinfo is None:
        raise ValueError(
            f"creation_date {date} has no time zone: use datetime.now(timezone.utc), or "
            "date.astimezone()"
        )

    return date


def _usable_cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))

    return os.cpu_count() or 1


def _read_log(log: Log) -> str:
    with open(log.path, "rb") as file:
        file.seek(log.start)
        return file.read(log.end - log.start).decode("utf-8", "replace")


def _print_log(log: Log) -> None:
    try:
        sys.stdout.write(_read_log(log))
        sys.stdout.flush()
    except (OSError, ValueError) as error:  # closed: nobody is there to read it
        logger.warning("the output of a job could not be printed: %s", error)


def _make_folder() -> tuple[str, str]:
    """Make a folder for values; return it and the current one."""
    return tempfile.mkdtemp(prefix="asyncflow-values-"), os.getcwd()


def _remove_folder(folder: str) -> None:
    shutil.rmtree(folder, ignore_errors=True)
