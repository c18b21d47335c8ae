"""What an orchestrator opens for its work, besides its worker processes.

It loads this module, and the scheduler with it, once the first of these starts.
"""

from __future__ import annotations

import os
from contextlib import AsyncExitStack

import attrs
from anyio import CancelScope, CapacityLimiter, create_task_group, to_thread

from asyncflow.abc import Executor, Store
from asyncflow.alternatives import around_executor, driver_of
from asyncflow.config import Configuration
from asyncflow.config.sections import JobConfig
from asyncflow.entities.catalog import Catalog
from asyncflow.entities.directory import Directory
from asyncflow.entities.engine import Engine
from asyncflow.errors import UsageError
from asyncflow.executors._late import LateExecutor
from asyncflow.folder import Folder
from asyncflow.scheduler._archive import Archive
from asyncflow.scheduler._bus import Bus
from asyncflow.scheduler._group import Group
from asyncflow.scheduler._presence import Presence
from asyncflow.scheduler._session import Session
from asyncflow.scheduler._tally import Tally
from asyncflow.scheduler._travel import Travels
from asyncflow.scheduler._versions import Versions
from asyncflow.scheduler._walk import Walk
from asyncflow.worker.streams import Mode


@attrs.define(kw_only=True, eq=False, repr=False)
class Opening:
    """Opens a session.

    :param engine: whose session it is
    :param workers: the worker processes; None in development mode
    :param size: how many jobs run at once
    """

    engine: Engine
    config: Configuration
    jobs: JobConfig
    store: Store
    workers: Executor | None
    size: int

    async def open(self, stack: AsyncExitStack) -> Session:
        """Open it; the stack closes what belongs to it."""
        await stack.enter_async_context(self.store)
        directory = await to_thread.run_sync(_directory, self.store)
        folder = self.store.values_folder or await _temporary_folder(stack)
        presence = await stack.enter_async_context(Presence(self.store))
        own = presence.own
        executors = await self._executors(stack)

        if limit := self.jobs.loop_lag_warning:
            from asyncflow.scheduler._lag import LoopMonitor

            await stack.enter_async_context(LoopMonitor(limit))

        group = Group(await stack.enter_async_context(create_task_group()))
        bus, tally = Bus(self.store.flush, group), Tally()
        catalog = Catalog(self.engine, driver_of, directory)
        versions = Versions(self.store, folder, own.id, group, presence.company)
        walk = Walk(
            store=self.store,
            versions=versions,
            executors=executors,
            limiter=CapacityLimiter(self.size),
            echo=self.jobs.echo,
            group=group,
            resources=self.jobs.resources,
            watchers=(bus.take, tally.take),
        )
        presence.session = Session(
            own,
            self.store,
            catalog,
            Travels(
                far=self.workers is not None,
                group=group,
                pin=executors["process"].pin,
            ),
            walk,
            versions,
            Archive(self.config, self.store, catalog, versions),
            bus,
            tally,
        )
        return presence.session

    async def _executors(self, stack: AsyncExitStack) -> dict[str, Executor]:
        """Open an executor for each name that a task may give."""
        if self.workers is None:
            inline = around_executor(self._inline())
            return dict.fromkeys(("process", "thread", "inline"), inline)

        thread = await stack.enter_async_context(LateExecutor(self._thread))
        return {
            "process": self.workers,
            "thread": around_executor(thread),
            "inline": around_executor(LateExecutor(self._inline)),
        }

    def _inline(self) -> Executor:
        from asyncflow.executors.inline import InlineExecutor

        return InlineExecutor(*self._how, is_default=self.workers is None)

    def _thread(self) -> Executor:
        from asyncflow.executors.thread import ThreadExecutor

        return ThreadExecutor(*self._how)

    @property
    def _how(self) -> tuple[Mode, int, float]:
        jobs = self.jobs
        return jobs.echo, jobs.max_log_size, jobs.kill_grace


def _anchor(store: Store) -> str:
    """Return what records tell directories from: the folder of a store moves with it."""
    if store.values_folder is None or store.is_far:
        return "/"

    return os.path.dirname(store.values_folder)


def _directory(store: Store) -> Directory:
    try:
        return Directory.of(os.getcwd(), _anchor(store))
    except FileNotFoundError as error:
        raise UsageError(
            "the current directory was removed, in which relative paths begin: change "
            "to another one (os.chdir) before you open an Orchestrator"
        ) from error


async def _temporary_folder(stack: AsyncExitStack) -> str:
    folder = await to_thread.run_sync(Folder, "values")
    stack.push_async_callback(_remove, folder)
    return folder.path


async def _remove(folder: Folder) -> None:
    with CancelScope(shield=True):
        await to_thread.run_sync(folder.remove)
