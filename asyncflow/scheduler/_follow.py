"""Runs of other orchestrators: watched from here, whether those live or die."""

from __future__ import annotations

import time
from functools import partial

import attrs
from anyio import sleep, to_thread

from asyncflow.abc import Store
from asyncflow.entities.submission import Submission
from asyncflow.records import OrchestratorRecord, SubmissionRecord
from asyncflow.scheduler import _peers
from asyncflow.scheduler._alive import is_visible
from asyncflow.scheduler._archive import Archive
from asyncflow.scheduler._group import Group
from asyncflow.scheduler._insist import insist
from asyncflow.scheduler._peers import PeerGone
from asyncflow.scheduler._recover import LEASE, Recovery
from asyncflow.scheduler._walk import Walk

SOON = 0.1
"""How long to wait for an orchestrator that closes or dies to have done so, in s."""


@attrs.define(eq=False, repr=False)
class Following:
    """Brings the handles on others' runs up to date, and their wishes to the others.

    While its owner lives, a run is awaited through the owner's socket; when the owner
    dies, the run is adopted, and the walk drives it.
    """

    store: Store
    archive: Archive
    recovery: Recovery
    walk: Walk
    group: Group
    _followed: set[Submission] = attrs.field(init=False, factory=set)

    def follow(self, submission: Submission) -> None:
        """See to it that a handle tells what becomes of its run."""
        if self._is_settled(submission) or submission in self._followed:
            return

        self._followed.add(submission)
        lost = partial(self._lost, submission)
        self.group.start_soon(self._follow, submission, on_error=lost)

    def cancel(self, submission: Submission, reason: str) -> None:
        """Ask the owner of a run to end it."""
        submission.canceled_for(reason)
        self.group.start_soon(self._cancel, submission, reason)

    async def _follow(self, submission: Submission) -> None:
        try:
            while not self._is_settled(submission):
                await insist(partial(self._look, submission))
        finally:
            self._followed.remove(submission)

    def fail(self, error: Exception) -> None:
        """End all handles: the store has failed for good."""
        for submission in list(self._followed):
            self._lost(submission, error)

    def _lost(self, submission: Submission, error: Exception) -> None:
        """End a handle: nobody can tell any more what becomes of its run."""
        if not self._is_settled(submission):
            why = f"it cannot be watched any more: {error}"
            submission.lost(time.time(), why, error)

    async def _look(self, submission: Submission) -> None:
        """Take over what is known; where that is not the end, wait for news."""
        record = await self.store.get(submission.id)

        if not isinstance(record, SubmissionRecord):
            submission.lost(time.time(), "it was deleted")
            return

        jobs = await self.archive.jobs(submission.id)

        if self._is_settled(submission):  # adopted meanwhile
            return

        submission.restore(record, jobs)

        if not submission.is_finished:
            await self._wait(submission, record.orchestrator_id)

    async def _wait(self, submission: Submission, owner_id: str) -> None:
        owner = await self.store.get(owner_id)

        if not isinstance(owner, OrchestratorRecord):
            await sleep(SOON)
            return

        try:
            await _peers.wait(owner.address, submission.id)
        except PeerGone:
            if not await self.recovery.adopt(owner):
                seen = await to_thread.run_sync(is_visible, owner)
                await sleep(SOON if seen else LEASE / 3)

    async def _cancel(self, submission: Submission, reason: str) -> None:
        """Pass the wish on; a run that is adopted meanwhile sees it by itself."""
        while not self._is_settled(submission):
            owner = await self.store.get(submission.orchestrator_id)

            try:
                if isinstance(owner, OrchestratorRecord):
                    await _peers.cancel(owner.address, submission.id, reason)
                    return
            except PeerGone:
                pass

            await sleep(SOON)

    def _is_settled(self, submission: Submission) -> bool:
        return submission.is_finished or self.walk.drives(submission)
