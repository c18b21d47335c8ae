"""Acceptance: whether the store takes a new run, and whether the run is ours."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

import attrs

from asyncflow import ids
from asyncflow.dispatch.scheduler import Scheduler
from asyncflow.entities.submission import Run
from asyncflow.entities.submittable import Submittable
from asyncflow.errors import NotFound, UsageError
from asyncflow.notify.bus import Bus
from asyncflow.recovery.loader import EntityLoader
from asyncflow.recovery.remote_runs import RemoteRuns
from asyncflow.runs.node import Given
from asyncflow.runs.restoring import become, restore
from asyncflow.runs.run import Run as RunOf
from asyncflow.values.inputs import RunInputs, check_same_inputs


@attrs.define(eq=False, repr=False)
class Acceptance:
    """Asks the store about runs whose scenario others may have deleted, or whose
    idempotency key others may have used.

    :param own_id: that of the orchestrator
    """

    own_id: str
    bus: Bus
    loader: EntityLoader
    inputs: RunInputs
    scheduler: Scheduler
    remote_runs: RemoteRuns

    def in_use(
        self, key: str, entity: Submittable, given: Mapping[str, Given] | None
    ) -> Run | None:
        """Return the run of an idempotency key, if somebody has its handle.

        :param given: what the new one is given
        :raises UsageError: where the key is that of another entity, or of other inputs
        """
        run = self.loader.identity_map.find(ids.of_submission(key))

        if not isinstance(run, RunOf) or run.ending.failure is not None:
            return None

        _check_same(run.entity.id, entity, run.id)

        if given or run.given:
            check_same_inputs(run.given, given, run.id)

        return run

    async def saved(self, run: Run, saving: Callable[[], Awaitable[None]]) -> bool:
        """Wait until a run is kept; on cancel it may be kept or not.

        :raises NotFound: where others have deleted its scenario
        """
        with self._forgetting(run):
            await saving()

        return True

    async def claim(self, run: Run) -> bool:
        """Save a run with a key of its user's, or find the one that has this key.

        :return: whether it is to run here
        :raises NotFound: where others have deleted its scenario
        :raises UsageError: where the key is that of another entity, or of other inputs
        """
        inputs = await self.inputs.make(run) if run.given else ()
        store, identity_map = self.loader.store, self.loader.identity_map

        with self._forgetting(run):
            kept = await store.claim(run.record(), inputs)

        _check_same(kept.entity_id, run.entity, run.id)

        if kept.orchestrator_id == self.own_id and kept.submitted == run.submitted:
            self.scheduler.pins.note(run)
            return True

        given = await self.inputs.of(run, kept.id)

        if given or run.given:
            self.inputs.lose(run)
            check_same_inputs(given, run.given, run.id)
            run.given = given

        self.bus.forget(run)
        identity_map.forget(run.id)
        become(run, await self.loader.submission(kept))
        identity_map.remember(run)
        restore(run, kept, await self.loader.jobs(kept.id))
        lost = partial(self.remote_runs.lost, run)
        self.scheduler.group.start_soon(self._watch, run, on_error=lost)
        return False

    @contextmanager
    def _forgetting(self, run: Run) -> Iterator[None]:
        """Forget a scenario that another process has deleted."""
        try:
            yield
        except NotFound:
            self.loader.identity_map.forget(run.entity.scenario_id)
            self.inputs.lose(run)
            raise

    async def _watch(self, run: Run) -> None:
        """Watch a run once the scheduler knows that it is another's."""
        await self.scheduler.until_begun(run)
        self.remote_runs.watch(run)


def _check_same(known_id: str, entity: Submittable, submission_id: str) -> None:
    """Refuse a key that another entity has.

    :param known_id: the id of the entity that has it
    """
    if known_id != entity.id:
        raise UsageError(
            f"this idempotency_key is that of {submission_id}, a run of {known_id}, so "
            f"{entity.id} cannot have it: use a key of its own"
        )
