"""Runs of other orchestrators: watched from here, whether those live or die."""

from __future__ import annotations

import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from anyio import move_on_after, sleep, to_thread

from asyncflow.abc import Store
from asyncflow.dispatch.scheduler import Scheduler
from asyncflow.dispatch.store_retry import retry_until_available
from asyncflow.entities.submission import Run
from asyncflow.errors import NotFound, UsageError
from asyncflow.log import logger as _logger
from asyncflow.records import OrchestratorRecord, SubmissionRecord
from asyncflow.recovery import peers
from asyncflow.recovery.liveness import is_visible
from asyncflow.recovery.loader import EntityLoader
from asyncflow.recovery.peers import PeerGone
from asyncflow.recovery.recovery import Recovery
from asyncflow.runs.restoring import lose, restore
from asyncflow.task_group import Tasks

if TYPE_CHECKING:
    from asyncflow.recovery.remote_view import RemoteView

SOON = 0.1
"""How long to wait for an orchestrator that closes or dies to have done so, in s."""

PATIENCE = 5.0
"""How long to try to reach the owner of a run that is to be paused, in seconds."""

LOOK = 1.0
"""How often the store is asked about a run whose owner tells nothing, in seconds; and how
long `Orchestrator.get` waits for what an owner tells."""


class RemoteRuns:
    """Brings the handles on others' runs up to date, and their wishes to the others.

    While its owner lives, it tells through its socket what happens in the run; what it
    cannot tell, the store is asked for, once in a while. When the owner dies, the run
    is adopted, and the scheduler drives it.
    """

    def __init__(
        self,
        store: Store,
        loader: EntityLoader,
        recovery: Recovery,
        scheduler: Scheduler,
        group: Tasks,
    ) -> None:
        self.store = store
        self.loader = loader
        self.recovery = recovery
        self.scheduler = scheduler
        self.group = group
        self._views: dict[Run, RemoteView] = {}

    def watch(self, run: Run) -> None:
        """See to it that a handle tells what becomes of its run."""
        if self._is_resolved(run) or run in self._views:
            return

        from asyncflow.recovery.remote_view import RemoteView

        view = RemoteView(run, self.scheduler.runs)
        self._views[run] = view
        lost = partial(self.lost, run)
        self.group.start_soon(self._watch, view, on_error=lost)

    async def catch_up(self, run: Run) -> None:
        """Follow a run; return when the handle is as the run is, as its owner tells it.
        Where that one does not tell it soon, the handle is as the store has the run.

        On cancel only the waiting ends.
        """
        self.watch(run)
        view = self._views.get(run)

        if view is None:
            return

        with move_on_after(LOOK):
            await view.has_come.wait()

        if not view.has_come.is_set() and not self._is_resolved(run):
            record = await self.store.get(run.id)

            if isinstance(record, SubmissionRecord):
                await self._restore(view, record)

    def cancel(self, run: Run, reason: str) -> None:
        """Ask the owner of a run to end it."""
        run.ending.cancel(reason)
        self.group.start_soon(self._cancel, run, reason)

    async def pause(self, run: Run, *, is_paused: bool) -> None:
        """Ask the owner of a run to pause it, or to go on; return when that is durable, or
        when the run was adopted here meanwhile.

        :raises UsageError: where its owner cannot be asked
        """
        with move_on_after(PATIENCE):
            while not self._is_resolved(run):
                record = await self.store.get(run.id)

                if not isinstance(record, SubmissionRecord):
                    raise NotFound(run.id)

                owner = await self.store.get(record.orchestrator_id)

                if isinstance(owner, OrchestratorRecord):
                    with suppress(PeerGone):
                        await peers.pause(owner.address, run.id, is_paused=is_paused)
                        run.is_paused = is_paused
                        return

                await sleep(SOON)

        if not self._is_resolved(run):
            raise UsageError(
                f"{run.id} cannot be paused or resumed from here: its process has ended, "
                "or cannot be reached; do that where it runs, or goes on"
            )

    async def _watch(self, view: RemoteView) -> None:
        try:
            while not view.is_resolved:
                await retry_until_available(partial(self._look, view))
        finally:
            del self._views[view.run]
            view.has_come.set()

    def fail(self, error: Exception) -> None:
        """End all handles: the store has failed for good."""
        for run in list(self._views):
            self.lost(run, error)

    def lost(self, run: Run, error: Exception) -> None:
        """End a handle: nobody can tell any more what becomes of its run."""
        if not self._is_resolved(run):
            why = f"it cannot be watched any more: {error}"
            lose(run, time.time(), why, error)

    async def _look(self, view: RemoteView) -> None:
        """Take over what is known; where that is not the end, wait for news."""
        run = view.run
        record = await self.store.get(run.id)

        if not isinstance(record, SubmissionRecord):
            lose(run, time.time(), "it was deleted")
            return

        if self._is_resolved(run):  # adopted meanwhile
            return

        view.of(record.orchestrator_id)

        # Else its owner tells it, in its order.
        if view.is_looked_up or record.finished is not None:
            await self._restore(view, record)

        view.is_looked_up = True

        if not self._is_resolved(run):
            await self._wait(view, record.orchestrator_id)

    async def _restore(self, view: RemoteView, record: SubmissionRecord) -> None:
        """Take over what the store has of a run."""
        jobs = await self.loader.jobs(record.id)

        if not view.is_resolved:  # adopted meanwhile
            restore(view.run, record, jobs)
            view.has_come.set()

    async def _wait(self, view: RemoteView, owner_id: str) -> None:
        owner = await self.store.get(owner_id)

        if not isinstance(owner, OrchestratorRecord) or view.is_told_its_end:
            view.is_told_its_end = False
            await sleep(SOON)
            return

        try:
            await self._receive(view, owner.address)
        except PeerGone:
            if not await self.recovery.adopt(owner):
                if view.run.ending.cancel_reason is not None:
                    from asyncflow.recovery import dead_runs

                    await dead_runs.end(self.recovery, view.run, owner)

                seen = await to_thread.run_sync(is_visible, owner)
                await sleep(SOON if seen else LOOK)

    async def _receive(self, view: RemoteView, address: str) -> None:
        """Hear what the owner tells until the end of a run.

        :raises PeerGone: where the owner is gone, or has not told anything
        """
        from asyncflow.recovery.remote_view import Unreadable

        run, heard = view.run, view.next

        if view.tells_end_only:
            with move_on_after(LOOK):
                await peers.wait(address, run.id)
                view.is_told_its_end = True

            return

        try:
            await peers.watch(address, run.id, view.next, view.take)
            view.is_told_its_end = True
        except Unreadable as error:
            view.tells_end_only = True
            problem = "what the orchestrator of %s tells of it makes no sense: %s"
            _logger.warning(problem, run.id, error)
        except PeerGone:
            view.tells_end_only = (
                view.next == heard
            )  # one that does not know the request?
            raise

    async def _cancel(self, run: Run, reason: str) -> None:
        """Pass the wish on; a run that is adopted meanwhile sees it by itself."""
        while not self._is_resolved(run):
            owner = await self.store.get(run.orchestrator_id)

            try:
                if isinstance(owner, OrchestratorRecord):
                    await peers.cancel(owner.address, run.id, reason)
                    return
            except PeerGone:
                pass

            await sleep(SOON)

    def _is_resolved(self, run: Run) -> bool:
        return run.is_finished or self.scheduler.runs.drives(run)
