"""Runs of dead orchestrators that somebody cancels, and nobody here can go on with."""

from __future__ import annotations

import time

from anyio import to_thread

from asyncflow.entities.submission import Run
from asyncflow.records import OrchestratorRecord, SubmissionRecord
from asyncflow.recovery.liveness import is_visible
from asyncflow.recovery.recovery import Recovery, seems_dead
from asyncflow.runs.restoring import lose, restore


async def end(recovery: Recovery, run: Run, owner: OrchestratorRecord) -> None:
    """End a run whose orchestrator is dead: what has not completed is cancelled.

    It is taken over first: of several who try, one ends it. Nothing happens where its
    orchestrator lives, or another has taken it over.

    :param owner: its orchestrator
    """
    store = recovery.store

    if not await seems_dead(owner, store):
        return

    seen = await to_thread.run_sync(is_visible, owner)
    taken = await store.adopt(
        owner.id,
        recovery.own.id,
        lease_until=None if seen else owner.lease,
        run_ids=[run.id],
        is_crash=False,
    )
    record = await store.get(run.id)

    if run.id not in taken or not isinstance(record, SubmissionRecord):
        return

    reason = run.ending.cancel_reason or ""
    restore(run, record, await recovery.loader.jobs(run.id))

    if not run.is_finished:
        lose(run, time.time(), reason)

    store.save(run.record(), *(job.record() for job in run.jobs))
    await store.flush()
