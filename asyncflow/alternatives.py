"""Which alternatives there are, and which one is meant: stores, executors, drivers.

A store, and what runs worker processes, is loaded when it is picked.
"""

from __future__ import annotations

import os
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Protocol

from anyio import to_thread

from asyncflow.abc import Driver, Executor, Store
from asyncflow.config.sections import DataNodeConfig, JobConfig
from asyncflow.drivers.in_memory import MemoryDriver
from asyncflow.drivers.pickle import PickleDriver
from asyncflow.gc_pause import pause_gc

if TYPE_CHECKING:
    from asyncflow.executors.process.executor import ProcessExecutor
    from asyncflow.stores._store import DatabaseStore

_MEMORY, _PICKLE = MemoryDriver(), PickleDriver()


VARIABLE = "ASYNCFLOW_STORE"
"""The environment variable that says where records are kept."""

DEFAULT_STORE = os.path.join(".asyncflow", "asyncflow.db")
"""Where records are kept unless told otherwise, in the current directory."""


class Wrapper(Protocol):
    """What stands between an orchestrator and its alternatives."""

    def wrap_store(self, store: Store) -> Store: ...

    def wrap_executor(self, executor: Executor) -> Executor: ...


wrappers: list[Wrapper] = []
"""The faults of `asyncflow.testing` that are active: they stand around what is picked
from here on."""


def as_store(store: Store | str | os.PathLike[str] | None) -> Store:
    """Return the store that is meant; see `Orchestrator`."""
    found = _store(store)

    for wrapper in wrappers:
        found = wrapper.wrap_store(found)

    return found


def _store(store: Store | str | os.PathLike[str] | None) -> Store:
    if isinstance(store, Store):
        return store

    if isinstance(store, str | None):
        return _store_at(store)

    from asyncflow.stores.sqlite import SqliteStore

    return SqliteStore(store)


def _store_at(given: str | None) -> Store:
    """Return the store of an address; "" is as None."""
    if address := (given or "").strip():
        return _store_of(address, "store", "")

    if address := os.environ.get(VARIABLE, "").strip():
        return _store_of(address, f"the environment variable {VARIABLE}", VARIABLE)

    return _store_of(DEFAULT_STORE, "", "")


def _store_of(address: str, told_by: str, variable: str) -> Store:
    """Return the store of an address.

    :param told_by: how errors name where it came from
    :param variable: the environment variable that it came from, or ""
    """
    from asyncflow.stores._address import kind_of

    kind = kind_of(address, told_by)

    if kind == "memory":
        from asyncflow.stores.memory import MemoryStore

        return MemoryStore()

    found: DatabaseStore

    if kind == "postgres":
        from asyncflow.stores.postgres import PostgresStore  # loads psycopg

        found = PostgresStore(address)
    else:
        with pause_gc():
            from asyncflow.stores.sqlite import SqliteStore

        found = SqliteStore(address)

    found.variable = variable
    return found


def wrap_executor(executor: Executor) -> Executor:
    """Return what jobs are given to, in the place of an executor."""
    for wrapper in wrappers:
        executor = wrapper.wrap_executor(executor)

    return executor


async def open_workers(jobs: JobConfig, stack: AsyncExitStack) -> Executor | None:
    """Open what runs jobs in worker processes; None in development mode."""
    if jobs.mode == "development":
        return None

    process = await to_thread.run_sync(_process_executor, jobs)
    return wrap_executor(await stack.enter_async_context(process))


def _process_executor(jobs: JobConfig) -> ProcessExecutor:
    with pause_gc():
        from asyncflow.executors.process.executor import ProcessExecutor

    return ProcessExecutor(
        grace=jobs.kill_grace,
        log_size=jobs.max_log_size,
        most_jobs=jobs.max_jobs_per_worker,
        most_age=jobs.max_worker_age,
        most_rss=jobs.max_worker_rss,
    )


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
