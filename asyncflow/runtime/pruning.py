"""Old runs: removed when somebody asks for it, or by a rule."""

from __future__ import annotations

import time
from datetime import timedelta

import attrs
from anyio import sleep

from asyncflow.abc import Store
from asyncflow.config.sections import CoreConfig
from asyncflow.entities.identity_map import IdentityMap
from asyncflow.errors import AsyncflowError, UsageError
from asyncflow.log import logger as _logger
from asyncflow.notify.bus import Bus
from asyncflow.records import Pruned
from asyncflow.values.files import ValueFiles

BATCH = 100
"""How many submissions are removed in one transaction: others write in between."""

EVERY = 3600.0
"""After how many seconds a rule is applied again."""


@attrs.define(eq=False, repr=False)
class Pruning:
    """Removes old runs from a store.

    :param identity_map: forgets them too
    :param files: those of values
    :param bus: tells who wants to know
    """

    store: Store
    identity_map: IdentityMap
    files: ValueFiles
    bus: Bus

    async def prune(
        self, older_than: timedelta | None, keep: int | None, *, logs_only: bool
    ) -> Pruned:
        """Remove what has finished; see `Orchestrator.prune`."""
        if older_than is None and keep is None:
            raise UsageError(
                "prune needs to be told what to remove: give older_than, keep, or both"
            )

        if not (keep is None or (type(keep) is int and keep >= 0)):
            raise UsageError(f"keep is a number of submissions, not {keep!r}")

        age: object = older_than

        if not isinstance(age, timedelta | None):
            how = f"such as timedelta(days=7), or None; got {age!r}"
            raise TypeError(f"older_than is a timedelta, {how}")

        if older_than is not None and older_than < timedelta():
            raise UsageError(f"older_than is at least timedelta(0), not {older_than!r}")

        before = (
            None if older_than is None else time.time() - older_than.total_seconds()
        )
        total = Pruned()

        while ids := await self.store.prunable(
            finished_before=before, keep=keep, has_log=logs_only, limit=BATCH
        ):
            names = [] if logs_only else await self._names(ids)
            is_told = self.bus.hears_entities and not logs_only
            jobs = await self.store.jobs(submission_ids=ids) if is_told else []
            total = _sum(total, await self.store.prune(*ids, logs_only=logs_only))
            await self.files.remove_all(names)

            if not logs_only:
                for entity_id in ids:
                    if self.identity_map.find(entity_id) is not None:
                        self.identity_map.forget(entity_id)

            if is_told:
                from asyncflow.notify import entities

                gone = entities.deleted(*(job.id for job in jobs), *ids)
                self.bus.tell(gone)

        return total._replace(freed_bytes=await self.store.shrink())

    async def _names(self, ids: list[str]) -> list[str]:
        """Return the files of what submissions were given."""
        inputs = await self.store.inputs(*ids)
        return [record.kept for record in inputs if isinstance(record.kept, str)]

    async def keep_to(self, core: CoreConfig) -> None:
        """Remove what is not to be kept, now and again, until this is cancelled."""
        age, log_age = _days(core.keep_days), _days(core.keep_log_days)

        while True:
            try:
                if age is not None or core.keep_submissions is not None:
                    await self.prune(age, core.keep_submissions, logs_only=False)

                if log_age is not None:
                    await self.prune(log_age, None, logs_only=True)
            except AsyncflowError as error:  # runs go on
                _logger.warning("old runs could not be removed: %s", error)

            await sleep(EVERY)


def _days(count: float | None) -> timedelta | None:
    return None if count is None else timedelta(days=count)


def _sum(left: Pruned, right: Pruned) -> Pruned:
    return Pruned(*map(sum, zip(left, right, strict=True)))
