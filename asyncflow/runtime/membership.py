"""The membership of an orchestrator: what others that share its store know of it."""

from __future__ import annotations

from contextlib import AsyncExitStack, suppress
from types import TracebackType
from typing import Any, Self

from anyio import CancelScope, create_task_group, fail_after, to_thread

from asyncflow import ids
from asyncflow.abc import Store
from asyncflow.entities.submission import Submission, run_of
from asyncflow.errors import NotFound, StoreFailed, UsageError
from asyncflow.records import OrchestratorRecord
from asyncflow.recovery import peers as _peers
from asyncflow.recovery.peers import PeerGone, Peers, Send
from asyncflow.recovery.recovery import (
    closed,
    new_record,
    own_ids,
    register,
    seems_dead,
)
from asyncflow.runs.run import Run
from asyncflow.runtime.engine import Engine
from asyncflow.values.sharing import StoreSharing

GREET_TIMEOUT = 5.0
"""How long to wait for the answer to a greeting, in seconds. Who is stopped, or blocks
its event loop, hears it as soon as it goes on."""


class Membership:
    """Registers an orchestrator, answers others for it, and takes its leave.

    Where the store is shared with nobody it does nothing of this.

    :param own_id: the id of the orchestrator
    """

    def __init__(self, store: Store, own_id: str) -> None:
        self.store = store
        self.own_id = own_id
        self.own: OrchestratorRecord
        """What the store knows of the orchestrator."""
        self.engine: Engine | None = None
        """What it has opened; what is asked before is answered with nothing."""
        self.sharing: StoreSharing = StoreSharing()
        """The others, as far as it knows."""
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self.own = await to_thread.run_sync(new_record, self.own_id)

        if self.store.values_folder is None:
            return self

        async with AsyncExitStack() as stack:
            peers = Peers(self)
            await stack.enter_async_context(peers)
            self.own = self.own._replace(address=peers.address)
            # Others of this process take those for dead that are not there.
            own_ids.add(self.own.id)
            stack.callback(own_ids.discard, self.own.id)
            await register(self.own, self.store)
            stack.push_async_callback(self._release)
            await self._greet_all()
            self._stack = stack.pop_all()

        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    async def _greet_all(self) -> None:
        """Tell those that are open that the store is shared, before anything is
        written.

        Of two that open at a time, at least the last to register finds the other.
        """
        self.sharing.is_shared = self.store.is_far
        others = [
            orchestrator
            for orchestrator in await self.store.orchestrators()
            if orchestrator.id != self.own.id
        ]

        self.sharing.may_have_runs = bool(others)

        async with create_task_group() as group:
            for other in others:
                group.start_soon(self._greet, other)

    async def _greet(self, other: OrchestratorRecord) -> None:
        try:
            with fail_after(GREET_TIMEOUT):
                await _peers.greet(other.address, self.own.id)
        except (PeerGone, TimeoutError):
            if await seems_dead(other, self.store):
                return

            self.sharing.has_unnotified_peer = True

        self.sharing.is_shared = True

    async def _release(self) -> None:
        self.store.close_soon()

        with CancelScope(shield=True), suppress(StoreFailed):  # its exit tells that
            if self.engine is None:
                await self.store.delete(self.own.id)
            else:
                await self._leave(self.engine)

    async def _leave(self, engine: Engine) -> None:
        """Say that the orchestrator is no more; leave unfinished runs to others."""
        garbage = engine.versions.garbage
        await engine.recovery.clean_up()
        engine.results.close()
        await engine.scheduler.pins.sweep()
        await garbage.close()
        is_left = bool(await engine.recovery.unfinished())

        if not is_left:
            files = engine.versions.files
            await files.remove_all(await self.store.delete(engine.own.id))
            await files.sweep_own(engine.own.id, await self.store.kept_names())

        if is_left or self.sharing.has_unnotified_peer:
            self.store.save(closed(engine.own))
            await self.store.flush()

    async def greeted(self, orchestrator_id: str) -> None:  # noqa: ARG002
        """Return when what the other might drop is pinned for the runs here."""
        if not self.sharing.is_shared:
            self.sharing.begin()

            with suppress(StoreFailed):
                await self.store.flush()

    async def wait_for_peer(self, submission_id: str) -> None:
        """Wait for the end of a run; see `PeerListener`."""
        if run := self._run_of(submission_id):
            await run.watchers.over()

        if self.engine is not None:
            await self.store.flush()

    async def tell_peer(self, submission_id: str, since: int, send: Send) -> None:
        """Tell what happens in a run; see `PeerListener`."""
        if run := self._run_of(submission_id):
            from asyncflow.recovery.run_feed import RunFeed

            await RunFeed(run, self.store, send).send_all(since)

        await self.wait_for_peer(submission_id)

    async def tell_output(self, job_id: str, send: Send) -> None:
        """Tell what a job prints; see `PeerListener`."""
        from asyncflow.runtime import remote_output

        run = self._run_of(ids.submission_of(job_id))
        name = ids.config_of(job_id)

        if run is not None and self.engine is not None and name in run.dag.ids:
            job = run.job(run.dag.ids.index(name))
            await remote_output.tell(self.engine, job, send)

    def cancel_for_peer(self, submission_id: str, reason: str) -> None:
        """Cancel a run; see `PeerListener`."""
        if self.engine is None:
            return

        run = self.engine.identity_map.find(submission_id)

        if isinstance(run, Run):
            self.engine.scheduler.cancel(run, reason)

    async def pause_for_peer(self, submission_id: str, *, is_paused: bool) -> None:
        """Pause a run, or have it go on; see `PeerListener`."""
        if (run := self._run_of(submission_id)) and self.engine is not None:
            from asyncflow.runtime.pausing import pause

            await pause(self.engine, run, is_paused=is_paused)

    async def retry_for_peer(self, submission_id: str) -> str:
        """Run again what is left of a run; see `PeerListener`."""
        if self.engine is None:
            raise UsageError(f"{self.own_id} is not open yet: ask again")

        submission = await self.engine.get(submission_id)

        if not isinstance(submission, Submission):
            raise NotFound(submission_id)

        from asyncflow.runtime.retrying import retry

        again = retry(self.engine, submission, {})
        await self.engine.scheduler.until_begun(run_of(again))
        await self.store.flush()
        return again.id

    def _run_of(self, submission_id: str) -> Run[Any] | None:
        """Return a run that is driven here."""
        if self.engine is None:
            return None

        run = self.engine.identity_map.find(submission_id)

        if isinstance(run, Run) and self.engine.scheduler.runs.drives(run):
            return run

        return None
