"""Deletion: of a scenario, or of a submission, where no run of it goes on."""

from __future__ import annotations

from collections.abc import (
    Awaitable,
    Callable,
    Collection,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import suppress

import attrs

from asyncflow import ids
from asyncflow.abc import Store
from asyncflow.entities.reasons import IsUnknown
from asyncflow.entities.submission import Run
from asyncflow.errors import NotFound, RecordDamaged, UsageError
from asyncflow.notify.bus import Bus
from asyncflow.options import Page
from asyncflow.records import CycleRecord, ScenarioRecord, SubmissionRecord
from asyncflow.recovery.recovery import Recovery
from asyncflow.runtime.permissions import is_deletable

BATCH = 1000
"""How many jobs are deleted in one transaction: others write in between."""


@attrs.define(eq=False, repr=False)
class Deletion:
    """Deletes what others may submit, or take over, at the same time.

    :param recovery: tells whether the orchestrator of a run is alive
    """

    store: Store
    recovery: Recovery
    _cycle_id: str | None = attrs.field(init=False, default=None)
    """That of the scenario that was checked."""
    _of_cycle: list[str] = attrs.field(init=False, factory=list)
    """What the scenarios of the cycle share, as far as somebody wants to be told."""
    _sequences: Mapping[str, object] = attrs.field(init=False, factory=dict)
    """What was changed of its sequences."""

    def check_runs(self, runs: Iterable[Run], entity_id: str) -> None:
        """Refuse to delete what has a run here, also one that no store knows yet."""
        for run in runs:
            if entity_id in (run.id, run.entity.scenario_id):
                raise UsageError(not_ended(run.id, entity_id))

    async def check(self, entity_id: str) -> list[SubmissionRecord]:
        """Refuse to delete what cannot be deleted by itself, or what goes on.

        :return: its runs that have not ended, and that nobody has any more
        """
        try:
            record = await self.store.get(entity_id)
        except RecordDamaged:  # of whatever kind: there is no other way to be rid of it
            return await self._runs_of(entity_id)

        match record:
            case None:
                raise NotFound(entity_id)
            case ScenarioRecord():
                self._cycle_id = record.cycle_id
                self._sequences = record.sequences
                return await self._runs_of(entity_id)
            case SubmissionRecord():
                return await self._lost([record], entity_id)

        raise UsageError(
            f"{entity_id} cannot be deleted by itself: delete its scenario, or its "
            "submission"
        )

    async def delete(self, entity_id: str, lost: list[SubmissionRecord]) -> list[str]:
        """Delete it; return the names of the files that its data nodes had.

        :param lost: what `check` has returned
        """
        while True:
            names = await self.store.delete_ended(entity_id, lost)

            if names is not None:
                return names

            # Somebody has submitted it meanwhile, or adopted a run of it.
            before, lost = lost, await self.check(entity_id)

            if lost == before:  # what has not ended cannot be loaded
                return await self.store.delete(entity_id)

    async def gone(self) -> list[str]:
        """Return the id of the cycle that has gone with its last scenario, if it has, after
        those of its data nodes.
        """
        cycle_id = self._cycle_id

        if cycle_id is None or await self.store.get(cycle_id) is not None:
            return []

        return [*self._of_cycle, cycle_id]

    async def parts(self, entity_id: str) -> list[str]:
        """Return the ids of what goes with a scenario or a submission."""
        store = self.store
        runs = [run.id for run in await store.submissions(scenario_id=entity_id)]
        jobs = await store.jobs(submission_ids=[entity_id, *runs])
        nodes = await store.data_nodes(owner_id=entity_id)

        if self._cycle_id is not None:
            shared = await store.data_nodes(owner_id=self._cycle_id)
            self._of_cycle = [node.id for node in shared]

        own = [name for name, kept in self._sequences.items() if kept is not None]
        runs += [ids.of_sequence(name, entity_id) for name in own]
        return [job.id for job in jobs] + runs + [node.id for node in nodes]

    async def _runs_of(self, scenario_id: str) -> list[SubmissionRecord]:
        runs = await self.store.submissions(scenario_id=scenario_id, is_finished=False)
        return await self._lost(runs, scenario_id)

    async def _lost(
        self, runs: list[SubmissionRecord], entity_id: str
    ) -> list[SubmissionRecord]:
        lost = [run for run in runs if run.finished is None]

        for run in lost:
            try:
                is_owned = await self.recovery.is_owned(run)
            except RecordDamaged:  # of its owner: nobody can be asked
                continue

            if is_owned:
                raise UsageError(not_ended(run.id, entity_id))

        return lost


async def delete_cycle(
    deletion: Deletion,
    cycle_id: str,
    runs: Collection[Run],
    delete: Callable[[str], Awaitable[None]],
) -> None:
    """Delete a cycle: its scenarios, and itself with the last of them.

    :param runs: those that go on
    :param delete: deletes a scenario
    :raises NotFound: where there is no such cycle
    :raises UsageError: where a run of one has not ended; then nothing is deleted
    """
    store = deletion.store

    if await store.get(cycle_id) is None:
        raise NotFound(cycle_id)

    for record in await store.scenarios(cycle_id=cycle_id):
        deletion.check_runs(runs, record.id)
        await deletion.check(record.id)

    while records := await store.scenarios(cycle_id=cycle_id):
        kept = await store.get(cycle_id)
        primary_id = kept.primary_id if isinstance(kept, CycleRecord) else None
        others = [record.id for record in records if record.id != primary_id]

        for scenario_id in others or [records[0].id]:
            with suppress(NotFound):  # somebody else was faster
                await delete(scenario_id)


@attrs.frozen(eq=False)
class JobDeletion:
    """Deletes jobs whose runs have ended, with what they printed."""

    store: Store
    bus: Bus

    async def delete(self, job_id: str) -> None:
        """Delete a job; see `Orchestrator.delete_job`."""
        for reason in await is_deletable(self.store, job_id):
            if isinstance(reason, IsUnknown):
                raise NotFound(job_id)

            raise UsageError(not_ended(ids.submission_of(job_id), job_id))

        await self._delete([job_id])

    async def delete_all(self) -> int:
        """Delete jobs, in batches; see `Orchestrator.delete_jobs`."""
        store = self.store
        open_runs = {run.id for run in await store.submissions(is_finished=False)}
        count = left = 0

        while records := await store.jobs(page=Page(False, BATCH, left)):
            gone = [
                record.id for record in records if record.submission_id not in open_runs
            ]
            left += len(records) - len(gone)
            count += len(gone)

            if gone:
                await self._delete(gone)

        return count

    async def _delete(self, job_ids: Sequence[str]) -> None:
        await self.store.delete(*job_ids)

        if self.bus.hears_entities:
            from asyncflow.notify import entities

            self.bus.tell(entities.deleted(*job_ids))


def not_ended(run_id: str, entity_id: str) -> str:
    """Say why what goes on is not deleted."""
    return (
        f"{run_id} has not ended: cancel it, and wait for its end, before you delete "
        f"{entity_id}"
    )
