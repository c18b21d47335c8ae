"""Which store, executors and drivers an orchestrator works with.

Each is loaded when it is picked.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from typing import Any, Protocol

from anyio import to_thread

from asyncflow.abc import Driver, Executor, Store, is_address
from asyncflow.alternatives import DRIVERS, MODES, STORES
from asyncflow.config.sections import DataNodeConfig, JobConfig

VARIABLE = "ASYNCFLOW_STORE"
"""The environment variable that says where records are kept."""

DEFAULT_STORE = os.path.join(".asyncflow", "asyncflow.db")
"""Where records are kept unless told otherwise, in the current directory."""

_plain: dict[type[Driver], Driver] = {}
"""The drivers that have neither a path nor options: one of each class serves all."""


class Wrapper(Protocol):
    """What stands between an orchestrator and its alternatives."""

    def wrap_store(self, store: Store) -> Store: ...

    def wrap_executor(self, executor: Executor) -> Executor: ...


wrappers: list[Wrapper] = []
"""The faults of `asyncflow.testing` that are active: they stand around what is picked
from here on."""


def as_folder(folder: str | os.PathLike[str] | None) -> str | None:
    """Return the folder that is meant, where one is given."""
    if folder is not None and not isinstance(folder, str | os.PathLike):
        raise TypeError(f"folder is a text, or a Path; got {folder!r}")

    return None if folder is None else os.fspath(folder)


def given_values() -> str:
    """Return where the environment says that values are kept; "" where it does not."""
    return os.environ.get("ASYNCFLOW_VALUES", "").strip()


def as_values(values: str | os.PathLike[str] | None) -> str | None:
    """Return the folder or address that is meant, where one is given."""
    if values is not None and not isinstance(values, str | os.PathLike):
        raise TypeError(f"values is a folder or an address; got {values!r}")

    return None if values is None else _concealed(os.fspath(values))


def as_values_options(options: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Return the options of an address, with what is secret as what does not show it."""
    if options is not None and not isinstance(options, Mapping):
        raise TypeError(f"values_options is a dict; got {type(options).__name__}")

    return None if options is None else _concealed(dict(options))


def _concealed(value: Any) -> Any:
    from asyncflow.secret import concealed

    return concealed("", value)


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

    if not isinstance(store, os.PathLike | bytes):
        raise TypeError(f"store is a Store, an address or a path; got {store!r}")

    return STORES.load("sqlite").at(os.fspath(store))


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

    found = STORES.load(kind_of(address, told_by, STORES.is_known)).at(address)
    found.variable = variable
    return found


def ignored(jobs: JobConfig) -> Iterator[str]:
    """Yield a line for each setting of jobs that has no effect in their mode."""
    of_mode = MODES.load(jobs.mode)

    for name, mode in of_mode.ignores.items():
        if (value := getattr(jobs, name)) is None or value == of_mode.max_jobs:
            continue

        yield (
            f"[JOB.{name}] has no effect in {jobs.mode} mode: give mode={mode!r}, or leave "
            "it out"
        )


def wrap_executor(executor: Executor) -> Executor:
    """Return what jobs are given to, in the place of an executor."""
    for wrapper in wrappers:
        executor = wrapper.wrap_executor(executor)

    return executor


async def open_workers(
    jobs: JobConfig, stack: AsyncExitStack, owner_id: str = ""
) -> Executor | None:
    """Open what runs the jobs that name no executor; None where it runs all others too.

    :param owner_id: the orchestrator that it is opened for
    """
    of_mode = await to_thread.run_sync(MODES.load, jobs.mode)

    if of_mode.runs_all:
        return None

    executor = of_mode.of(jobs)
    executor.owner_id = owner_id
    return wrap_executor(await stack.enter_async_context(executor))


def driver_of(directory: str, config: DataNodeConfig) -> Driver:
    """Return the driver of a data node.

    :param directory: where relative paths begin
    """
    found = DRIVERS.load(config.storage_type)

    is_plain = config.default_path is None and config.validator is None

    if is_plain and not config.options:
        return _plain.get(found) or _plain.setdefault(
            found, _made(found, None, config, directory)
        )

    if (path := config.default_path) is not None and not is_address(path):
        path = os.path.join(directory, os.path.expanduser(path))

    return _made(found, path, config, directory)


def _made(
    found: type[Driver], path: str | None, config: DataNodeConfig, directory: str
) -> Driver:
    made = found.at(path, found.rooted(config.driver_options(), directory))

    if config.validator is not None:
        made.validator = config.validator

    return made


def usable_cpus() -> int:
    """Return how many CPUs this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))

    return os.cpu_count() or 1
