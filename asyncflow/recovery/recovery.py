"""Recovery: what killed orchestrators had goes on here."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Protocol

from anyio import Lock, sleep, to_thread

from asyncflow import ids
from asyncflow.abc import Driver, Store
from asyncflow.dispatch import suspects
from asyncflow.entities.submission import Run
from asyncflow.errors import NotPicklable, StoreFailed, StoreUnavailable
from asyncflow.folder import sweep
from asyncflow.log import logger as _logger
from asyncflow.log import named
from asyncflow.records import JobRecord, OrchestratorRecord, SubmissionRecord
from asyncflow.recovery.liveness import host, is_dead, is_visible, started
from asyncflow.recovery.loader import EntityLoader
from asyncflow.runs.job import JobState, crashes_of
from asyncflow.runs.restoring import lose, resume
from asyncflow.status import FINAL
from asyncflow.values.files import remove
from asyncflow.values.retention import Pins
from asyncflow.values.sharing import StoreSharing

if TYPE_CHECKING:
    from asyncflow.recovery.settling import Place, Unsettled

LEASE = 30.0
"""How long an orchestrator counts as alive after it said so, in s, where its process
cannot be seen. The thread that writes to the store says it three times as often."""

own_ids: set[str] = set()
"""The orchestrators of this process that are open."""


def new_record(own_id: str = "") -> OrchestratorRecord:
    """Describe a new orchestrator of this process, whose id may be given. Blocks."""
    pid = os.getpid()
    return OrchestratorRecord(
        id=own_id or ids.of_orchestrator(),
        host=host(),
        pid=pid,
        started=started(pid),
        address="",
        lease=0.0,  # the store sets it, by its own clock
    )


async def register(record: OrchestratorRecord, store: Store) -> None:
    """Have others know of an orchestrator, and that it is alive."""
    await store.register(record, lease=LEASE)


async def seems_dead(record: OrchestratorRecord, store: Store) -> bool:
    """Tell whether an orchestrator is dead, as far as can be seen from here.

    Leases are of the store's clock: those of hosts may differ.
    """
    now = None if await to_thread.run_sync(is_visible, record) else await store.now()
    return await to_thread.run_sync(partial(is_dead, record, own_ids=own_ids, now=now))


class RunStarter(Protocol):
    """Starts runs."""

    async def resume(self, run: Run) -> None:
        """Start a run that was adopted.

        :raises NotPicklable: where it could travel once, and cannot now
        """


class Recovery:
    """Takes over the runs of dead orchestrators, and removes what they left.

    :param own: the orchestrator that it does this for
    """

    def __init__(
        self,
        own: OrchestratorRecord,
        store: Store,
        loader: EntityLoader,
        starter: RunStarter,
        wants: bool | Callable[[SubmissionRecord], bool] = True,
    ) -> None:
        self.own = own
        self.store = store
        self.loader = loader
        self.starter = starter
        self.wants = wants
        """Which runs are adopted; see `Orchestrator`."""
        self._lock = Lock()
        self._told: set[str] = set()
        self._blind_until = 0.0
        """Until when a lease that has ended says nothing, as `time.monotonic` has it."""
        self._adopted: list[str] = []
        self._outlived: set[str] = set()
        """Dead ones of which jobs go on, and write values: they are swept at the end."""

    @property
    def sharing(self) -> StoreSharing:
        """Others on the store, as far as they are known."""
        return self.loader.versions.sharing

    @property
    def _pins(self) -> Pins:
        pins = self.loader.versions.retention.pins
        assert pins is not None
        return pins

    async def adopt_all(self) -> None:
        """Adopt the runs of every orchestrator that is dead, before all else."""
        for record in await self._others():
            async with self._told_apart(record.id):
                await self._adopt_dead(record)

    async def adopt(self, record: OrchestratorRecord) -> bool:
        """Adopt the runs of an orchestrator if it is dead; tell whether it is no more.

        Whoever is found may have written, even if it could not greet this one.
        """
        if record.id == self.own.id:
            return False

        self.sharing.begin()
        return await self._adopt_dead(record)

    async def keep_alive(self) -> None:
        """See which others do not live any more, until this is cancelled.

        An error is logged once, and it goes on; it ends when the store has failed for good.
        """
        has_failed, has_tidied = False, False

        with suppress(StoreFailed):  # for good: who watches the store tells it
            while True:
                await sleep(LEASE / 3)

                try:
                    await self._look_for_dead()
                    has_failed = False

                    if not has_tidied:
                        await self.discard_staged()
                        has_tidied = True
                except StoreUnavailable:  # likewise
                    pass
                except StoreFailed:
                    raise
                except Exception as error:
                    if not has_failed:  # it may work the next time
                        _logger.error("nobody looked who has died", exc_info=error)

                    has_failed = True

    async def discard_staged(self) -> None:
        """Remove from servers what earlier orchestrators could not."""
        from asyncflow.recovery import settling

        living = {record.id for record in await self.store.orchestrators()}
        folder = self.loader.versions.folder
        left = await to_thread.run_sync(settling.staged_by_dead, folder, living)

        if left.staged:
            await to_thread.run_sync(settling.discard, left, self._drivers(left))

    async def _look_for_dead(self) -> None:
        for record in await self._others():
            async with self._told_apart(record.id):
                await self.adopt(record)

        await self._pins.sweep()

    async def clean_up(self) -> None:
        """Remove what workers wrote that died after their orchestrator."""
        if self._adopted:
            self._outlived.clear()

            if await self._sweep():
                await self.store.delete(*self._adopted)  # makers without a file

    async def unfinished(self) -> Mapping[str, SubmissionRecord]:
        """Return the runs of this orchestrator that have not ended, by id."""
        found = await self.store.submissions(
            orchestrator_id=self.own.id, is_finished=False
        )
        return {record.id: record for record in found}

    async def is_owned(self, run: SubmissionRecord) -> bool:
        """Tell whether the orchestrator of a run is alive."""
        owner = await self.store.get(run.orchestrator_id)

        if not isinstance(owner, OrchestratorRecord):
            return False

        return not await seems_dead(owner, self.store)

    async def _others(self) -> list[OrchestratorRecord]:
        records = await self.store.orchestrators()
        return [record for record in records if record.id != self.own.id]

    def store_was_away(self) -> None:
        """Take note that nobody could renew a lease until now."""
        self._blind_until = time.monotonic() + LEASE

    def _is_blind(self) -> bool:
        is_away = self.store.failure is not None
        return is_away or time.monotonic() < self._blind_until

    async def _adopt_dead(self, record: OrchestratorRecord) -> bool:
        if self._is_blind() and not await to_thread.run_sync(is_visible, record):
            return False

        if not await seems_dead(record, self.store):
            return False

        async with self._lock:
            return await self._adopt(record)

    async def _adopt(self, dead: OrchestratorRecord) -> bool:
        """Adopt what can go on here; leave the rest to others, with a warning."""
        records = await self.store.submissions(
            orchestrator_id=dead.id, is_finished=False
        )
        runs: list[Run] = []

        for record in records:
            async with self._told_apart(record.id):
                if self.wants is True or (self.wants and self.wants(record)):
                    runs.append(await self.loader.submission(record))

        if records and not runs:
            return False

        seen = await to_thread.run_sync(is_visible, dead)
        waiting = await self._waiting(dead.id)
        crashes = await self.store.adopt(
            dead.id,
            self.own.id,
            lease_until=None if seen else dead.lease,
            run_ids=[run.id for run in runs],
            is_crash=not is_closed(dead),
        )
        mine = [run for run in runs if run.id in crashes]
        kept = {run.id: await self.loader.jobs(run.id) for run in mine}
        is_all = len(runs) == len(records)
        goes_on = await self._settle(dead, mine, kept, is_all=is_all)

        for run in mine:
            run.crashes = crashes[run.id]
            suspects.note_waiting(run, kept[run.id], dead.id, waiting)

        ran = [
            job for jobs in kept.values() for job in jobs.values() if suspects.ran(job)
        ]

        async with self._pins.holding(mine):
            for run in mine:
                async with self._told_apart(run.id):
                    is_suspect = len(ran) == 1 and not is_closed(dead)
                    await self._resume(run, kept[run.id], is_suspect)

        _tell_adopted([run.id for run in mine])

        if not is_all:
            return False

        self._adopted.append(dead.id)
        self._outlived.update([dead.id] if goes_on else [])
        await self._sweep(dead.id)
        return True

    async def _settle(
        self,
        dead: OrchestratorRecord,
        runs: Sequence[Run],
        kept: dict[str, dict[str, JobRecord]],
        *,
        is_all: bool,
    ) -> bool:
        """Finish what jobs were about to make visible, discard what only waits; tell
        whether jobs outlive their orchestrator.

        :param kept: what is kept of the jobs, by the ids of the runs: those that have
            completed so are added
        :param is_all: whether no run is left to others
        """
        from asyncflow.recovery import going_on, settling

        versions = self.loader.versions
        place = None if is_closed(dead) else versions.executor
        goes_on = await going_on.take_over(place, self.store, dead.id, kept)
        left = await to_thread.run_sync(settling.left_by, versions.folder, dead.id)

        for run in runs if left.intents else ():
            async with self._told_apart(run.id):
                records = await settling.settle(run, kept[run.id], left, versions)
                self.store.save(*records)
                jobs = [record for record in records if isinstance(record, JobRecord)]
                kept[run.id].update({job.id: job for job in jobs})

        if left.intents:
            await self.store.flush()  # before the files go that say so

        if is_all and not goes_on and (drivers := self._drivers(left)):
            await to_thread.run_sync(settling.finish_lost, left, runs, drivers)
            # A server that is away holds up nobody.
            versions.group.start_soon(
                to_thread.run_sync, settling.discard, left, drivers
            )

        return goes_on

    def _drivers(self, left: Unsettled) -> dict[Place, Driver]:
        driver, nodes = self.loader.identity_map.driver, self.loader.config.data_nodes
        return left.drivers(nodes, driver)

    async def _waiting(self, dead_id: str) -> dict[str, int]:
        """Return the files that say which calls of a dead orchestrator had not begun,
        with their sizes: see `suspects.note_waiting`.
        """
        folder = self.loader.versions.folder
        return await to_thread.run_sync(_sizes, folder, f"{dead_id}-waits-")

    async def _resume(
        self,
        run: Run,
        kept: Mapping[str, JobRecord],
        is_suspect: bool,
    ) -> None:
        """Have a run go on: what has ended stays, the rest begins anew or fails.

        :param is_suspect: whether one that ran may be why its orchestrator died: where
            several did, nobody can tell, and the next time they run one at a time
        """
        ended: dict[str, JobRecord] = {}
        begun: list[JobState] = []

        for job in run.jobs:
            record = kept.get(job.id)

            if record is None:
                continue

            if record.status in FINAL:
                ended[job.id] = record
            elif suspects.ran(record) and (
                reason := self._why_it_ends(run, job, len(kept) == 1, is_suspect)
            ):
                ended[job.id] = suspects.failed(record, reason)
                self.store.save(ended[job.id])
            else:
                begun.append(job)

                if record.attempts and (log := await self.store.log(job.id)):
                    job.restore_output(log)

        resume(run, self.own.id, ended)
        # Who takes it over next is not to think that these ran.
        self.store.save(*(job.record() for job in begun))

        try:
            await self.starter.resume(run)
        except NotPicklable as error:  # now, where it could travel once
            problem = "%s cannot go on: %s"
            _logger.error(problem, run.id, error)
            lose(run, time.time(), str(error))
            jobs = [job.record() for job in run.jobs]
            self.store.save(run.record(), *jobs)

    def _why_it_ends(
        self, run: Run, job: JobState, is_first: bool, is_suspect: bool
    ) -> str:
        """Count the crash of a job that ran; say why it does not run again.

        :param is_first: whether nothing is known of any other job of its run
        """
        config = run.tasks[job.place].config

        if not is_suspect:
            return suspects.why_it_ends(config, 0)

        job.interrupted(time.time(), "the process of its orchestrator died")
        crashes = crashes_of(job.attempts)

        if is_first:  # and so, most likely, once before that was known
            crashes = min(run.crashes, crashes + 1)

        return suspects.why_it_ends(config, crashes)

    @asynccontextmanager
    async def _told_apart(self, name: str) -> AsyncIterator[None]:
        """Leave one run, or one orchestrator, alone whose recovery raises: say so once.

        :raises StoreFailed: where that is why: it concerns all
        """
        try:
            yield
        except StoreFailed:
            raise
        except Exception as error:
            if name not in self._told:
                self._told.add(name)
                _logger.warning("%s", _why_left(name, error))

    async def _sweep(self, dead_id: str = "") -> bool:
        """Remove the files that nobody has any more, of those that this store has made.

        The files are listed first: who made one was registered by then, and what it was
        made for is in the store once its maker is not. Tell whether all were listed.
        """
        from asyncflow.values.lost import lost

        files = self.loader.versions.files
        await self._pins.sweep()
        names, are_all = await files.in_thread(files.names)
        makers = await self.store.makers()
        living = {record.id for record in await self.store.orchestrators()}
        makers -= living | self._outlived
        kept = await self.store.kept_names()
        await files.remove_all(lost(names, makers, kept))
        await to_thread.run_sync(sweep)

        if dead_id:
            await to_thread.run_sync(self._sweep_users_folders, dead_id)

        return are_all

    def _sweep_users_folders(self, dead_id: str) -> None:
        """Remove what was to become files of the user's."""
        for node in list(self.loader.config.data_nodes.values()):
            if node.owns_place:
                remove(self.loader.identity_map.driver(node).staged(dead_id))


def _tell_adopted(run_ids: Sequence[str]) -> None:
    if count := len(run_ids):
        _logger.warning(
            "%d run%s that a process has left unfinished %s on here (%s): cancel what "
            "you do not want any more, or leave all to others with "
            "`Orchestrator(adopt=False)`",
            *(count, "" if count == 1 else "s", "goes" if count == 1 else "go"),
            named(run_ids),
        )


def is_closed(record: OrchestratorRecord) -> bool:
    """Tell whether an orchestrator was closed, and did not die."""
    return record.started == _CLOSED


def closed(record: OrchestratorRecord) -> OrchestratorRecord:
    """Make the record of an orchestrator that was closed, and leaves runs to others."""
    return record._replace(started=_CLOSED, lease=0.0)


_CLOSED = "closed"


def _why_left(name: str, error: Exception) -> str:
    return (
        f"{name}, left by a process that has ended, cannot go on here: "
        f"{type(error).__name__}: {error}; it stays for others, or delete it with "
        f"`await orchestrator.delete({name!r})`"
    )


def _sizes(folder: str, prefix: str) -> dict[str, int]:
    """Return the sizes of files whose names begin so. Blocks."""
    sizes: dict[str, int] = {}

    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(prefix):
                with suppress(OSError):  # gone meanwhile
                    sizes[entry.name] = entry.stat().st_size

    return sizes
