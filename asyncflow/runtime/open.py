"""What an orchestrator opens for its work, besides its worker processes.

It loads this module, and the scheduler with it, once the first of these starts.
"""

from __future__ import annotations

import os
from contextlib import AsyncExitStack

from anyio import CapacityLimiter, create_task_group, to_thread

from asyncflow.abc import Driver, Executor, Store
from asyncflow.alternatives import EXECUTORS, MODES
from asyncflow.background import temporary_folder
from asyncflow.config.sections import DataNodeConfig
from asyncflow.dispatch.call_spec import CallSpecs
from asyncflow.dispatch.scheduler import Scheduler
from asyncflow.entities.directory import Directory
from asyncflow.entities.identity_map import IdentityMap
from asyncflow.errors import UsageError
from asyncflow.executors import BUILT_IN, DEFAULT
from asyncflow.executors._lazy import LazyExecutor
from asyncflow.notify.bus import Bus
from asyncflow.notify.counters import JobCounters
from asyncflow.recovery.loader import EntityLoader
from asyncflow.runtime.engine import Engine
from asyncflow.runtime.handle_verbs import HandleVerbs
from asyncflow.runtime.membership import Membership
from asyncflow.runtime.session import Session
from asyncflow.runtime.wiring import driver_of, given_values, wrap_executor
from asyncflow.task_group import Tasks
from asyncflow.values.files import ValueFiles
from asyncflow.values.versions import Versions


class Opening:
    """Opens the engine of a session.

    :param workers: what runs the jobs that name no executor; None where it runs all
    """

    def __init__(self, session: Session, workers: Executor | None) -> None:
        self.session = session
        self.workers = workers

    async def open(self, stack: AsyncExitStack) -> Engine:
        """Open it, where its store is open; the stack closes what belongs to it."""
        store, jobs = self.session.store, self.session.jobs
        directory = await to_thread.run_sync(_directory, store, self.session.folder)
        own_id = self.session.owner_id
        membership = await stack.enter_async_context(Membership(store, own_id))
        executors = await self._executors(stack)
        files = await self._files(executors[DEFAULT], stack)

        await self._watch_loop(stack)
        group = Tasks(await stack.enter_async_context(create_task_group()))
        bus, counters = Bus(store, group), JobCounters()

        identity_map = IdentityMap(
            HandleVerbs(self.session), NodeDrivers(files), directory
        )
        limiter = CapacityLimiter(self.session.max_nb_of_workers)
        versions = Versions(
            store,
            files,
            membership.own.id,
            group,
            membership.sharing,
            executors[DEFAULT],
            limiter,
        )
        scheduler = Scheduler(
            store=store,
            versions=versions,
            executors=executors,
            limiter=limiter,
            echo=jobs.echo,
            group=group,
            resources=jobs.resources,
            watchers=(bus, counters),
        )
        membership.engine = Engine(
            membership.own,
            store,
            identity_map,
            CallSpecs(
                executors=executors,
                mode=jobs.mode,
                group=group,
                pin=executors[DEFAULT].pin,
            ),
            scheduler,
            versions,
            EntityLoader(self.session.config, store, identity_map, versions),
            bus,
            counters,
        )
        return membership.engine

    async def _files(self, executor: Executor, stack: AsyncExitStack) -> ValueFiles:
        """Find where values are kept."""
        files = await self._place(executor, stack)

        if (held := executor.held_values) is not None:
            from asyncflow.runtime.held_values import ReadableValues

            files.held = ReadableValues(held)

        return files

    async def _place(self, executor: Executor, stack: AsyncExitStack) -> ValueFiles:
        session = self.session

        if (
            given := session.values
            or given_values()
            or session.config.core_config.values
        ):
            from asyncflow.runtime.values_place import open_files

            return await open_files(session, given, executor, stack)

        if session.values_options:
            raise UsageError(
                "values_options are for an address, and none is given: give "
                "Orchestrator(values=...), or leave them out"
            )

        place = session.store.values_folder or await temporary_folder(stack, "values")
        await executor.reach(place)
        return ValueFiles(place)

    async def _watch_loop(self, stack: AsyncExitStack) -> None:
        if limit := self.session.jobs.loop_lag_warning:
            from asyncflow.runtime.loop_monitor import LoopMonitor

            await stack.enter_async_context(LoopMonitor(limit))

    async def _executors(self, stack: AsyncExitStack) -> dict[str, Executor]:
        """Open an executor for each name that a task may give."""
        names = self._names()

        if self.workers is None:
            of_mode = MODES.load(self.session.jobs.mode).of(self.session.jobs)
            executor = wrap_executor(await stack.enter_async_context(of_mode))
            return dict.fromkeys(names, executor)

        executors = {DEFAULT: self.workers}
        self.workers.outlives_owner = self.session.store.values_folder is not None

        for name in names - {DEFAULT}:
            made = await stack.enter_async_context(self._made(name))
            executors[name] = wrap_executor(made)

        return executors

    def _names(self) -> set[str]:
        """Return what tasks may name: what is built in, and what they name."""
        return {
            *BUILT_IN,
            *(task.executor for task in self.session.config.tasks.values()),
        }

    def _made(self, name: str) -> Executor:
        if EXECUTORS.is_built_in(name):  # loaded with the first job for it
            return LazyExecutor(name, self.session.jobs)

        return EXECUTORS.load(name).of(self.session.jobs)


class NodeDrivers:
    """Makes the drivers of data nodes, declared or not.

    :param files: where they keep their versions
    """

    def __init__(self, files: ValueFiles) -> None:
        self.files = files

    def driver_in(self, directory: str, config: DataNodeConfig) -> Driver:
        """Return one whose relative paths begin in a directory."""
        if config.is_declared:
            return self.files.wrapped(driver_of(directory, config))

        from asyncflow.drivers._undeclared import UndeclaredDriver

        return self.files.wrapped(UndeclaredDriver())


def _anchor(store: Store) -> str:
    """Return what records tell directories from: the folder of a store moves with it."""
    if store.values_folder is None or store.is_far:
        return "/"

    return os.path.dirname(store.values_folder)


def _directory(store: Store, folder: str | None) -> Directory:
    try:
        if folder is not None:
            folder = os.path.abspath(os.path.expanduser(folder))

        return Directory.of(folder or os.getcwd(), _anchor(store))
    except FileNotFoundError as error:
        raise UsageError(
            "the current directory was removed, in which relative paths begin: change "
            "to another one (os.chdir) before you open an Orchestrator"
        ) from error
