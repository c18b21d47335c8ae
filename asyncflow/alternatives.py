"""Which alternatives there are, and which one is meant: stores, executors, drivers."""

from __future__ import annotations

import os
from contextlib import AsyncExitStack
from typing import Protocol

from asyncflow.abc import Driver, Executor, Store
from asyncflow.config.sections import DataNodeConfig, JobConfig
from asyncflow.drivers.memory import MemoryDriver
from asyncflow.drivers.pickle import PickleDriver
from asyncflow.executors.inline import InlineExecutor
from asyncflow.executors.process import ProcessExecutor
from asyncflow.executors.thread import ThreadExecutor
from asyncflow.stores.memory import MemoryStore

_MEMORY, _PICKLE = MemoryDriver(), PickleDriver()


DEFAULT_STORE = os.path.join(".asyncflow", "asyncflow.db")
"""Where records are kept unless told otherwise, in the current directory."""


class Around(Protocol):
    """What stands between an orchestrator and its alternatives."""

    def around_store(self, store: Store) -> Store: ...

    def around_executor(self, executor: Executor) -> Executor: ...


around: list[Around] = []
"""The faults of `asyncflow.testing` that are active: they stand around what is picked
from here on."""


def as_store(store: Store | str | os.PathLike[str] | None) -> Store:
    """Return the store that is meant; see `Orchestrator`."""
    found = _store(store)

    for one in around:
        found = one.around_store(found)

    return found


def _store(store: Store | str | os.PathLike[str] | None) -> Store:
    if isinstance(store, Store):
        return store

    path = os.environ.get("ASYNCFLOW_STORE", DEFAULT_STORE) if store is None else store

    if path == ":memory:":
        return MemoryStore()

    if isinstance(path, str) and path.startswith(("postgresql://", "postgres://")):
        from asyncflow.stores.postgres import PostgresStore  # loads psycopg

        return PostgresStore(path)

    from asyncflow.stores.sqlite import SqliteStore  # loads sqlite3

    return SqliteStore(path)


async def open_executors(jobs: JobConfig, stack: AsyncExitStack) -> dict[str, Executor]:
    """Open an executor for each name that a task may give."""
    found = await _executors(jobs, stack)

    for one in around:
        found = {name: one.around_executor(found[name]) for name in found}

    return found


async def _executors(jobs: JobConfig, stack: AsyncExitStack) -> dict[str, Executor]:
    log_size = jobs.max_log_size
    inline: Executor = InlineExecutor(echo=jobs.echo, log_size=log_size)

    if jobs.mode == "development":
        return dict.fromkeys(("process", "thread", "inline"), inline)

    return {
        "process": await stack.enter_async_context(
            ProcessExecutor(
                grace=jobs.kill_grace,
                log_size=log_size,
                most_jobs=jobs.max_jobs_per_worker,
                most_age=jobs.max_worker_age,
                most_rss=jobs.max_worker_rss,
            )
        ),
        "thread": await stack.enter_async_context(
            ThreadExecutor(echo=jobs.echo, log_size=log_size)
        ),
        "inline": inline,
    }


def driver_of(directory: str, config: DataNodeConfig) -> Driver:
    """Return the driver of a data node.

    :param directory: where relative paths begin
    """
    if config.storage_type == "in_memory":
        return _MEMORY

    if config.default_path is None:
        return _PICKLE

    return PickleDriver(os.path.join(directory, config.default_path))


def usable_cpus() -> int:
    """Return how many CPUs this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))

    return os.cpu_count() or 1
