"""What a dead orchestrator's jobs were about to make visible: it is finished here."""

from __future__ import annotations

import os
from collections.abc import (
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import suppress
from functools import partial
from typing import NamedTuple

import attrs
from anyio import to_thread

from asyncflow.abc import Driver, StoredValue
from asyncflow.config.sections import DataNodeConfig
from asyncflow.entities.submission import Run
from asyncflow.log import logger as _logger
from asyncflow.log import named
from asyncflow.records import JobRecord, Record
from asyncflow.runs.job import JobState
from asyncflow.status import DONE, FINAL, Status
from asyncflow.values.versions import Versions
from asyncflow.worker.intent import STAGED, Intent, take
from asyncflow.worker.values import INTENT


class Place(NamedTuple):
    """Whose something is that waits."""

    name: str
    path: str = ""
    """That of the data node; ``""`` for that of its config."""


class Unsettled(NamedTuple):
    """What a dead orchestrator has left."""

    intents: Mapping[str, Intent]
    """By their jobs' ids."""
    staged: Mapping[str, Place]
    """What waits to be published, by the paths that drivers were given for it."""

    def drivers(
        self,
        nodes: Mapping[str, DataNodeConfig],
        make: Callable[[DataNodeConfig], Driver],
    ) -> dict[Place, Driver]:
        """Make the drivers that all of it needs, as far as data nodes are known."""
        parts = [part for intent in self.intents.values() for part in intent.parts]
        found: dict[Place, Driver] = {}

        for place in {*self.staged.values(), *(Place(part.name) for part in parts)}:
            if (config := nodes.get(place.name)) is None:
                continue

            if place.path:
                config = attrs.evolve(config, default_path=place.path)

            found[place] = make(config)
            found[place].is_moved |= bool(place.path)

        return found


REASON = "its outputs were written as the process of its orchestrator died"


def left_by(folder: str, holder_id: str) -> Unsettled:
    """Return what an orchestrator has left. Blocks.

    :param folder: where values are
    """
    intents: dict[str, Intent] = {}
    staged: dict[str, Place] = {}

    for name in os.listdir(folder):
        path = os.path.join(folder, name)

        if not name.startswith(f"{holder_id}-"):
            continue

        if name.endswith(INTENT) and (intent := take(path)) is not None:
            intents[intent.job_id] = intent
        elif name.endswith(STAGED):
            with suppress(OSError), open(path, encoding="utf-8") as file:
                place = Place(*file.read().split("\n", 1))
                staged[path.removesuffix(STAGED)] = place

    return Unsettled(intents, staged)


async def settle(
    run: Run, kept: Mapping[str, JobRecord], left: Unsettled, versions: Versions
) -> list[Record]:
    """Make visible what is not; return what is to be saved of the jobs that have so
    completed.

    A job whose inputs are to be made anew runs again itself.

    :param kept: what is kept of the jobs, by their ids
    """
    done = {job.id for job in kept.values() if job.status in DONE}
    waiting = [
        job
        for job in run.jobs
        if job.id in left.intents
        and not (job.id in kept and kept[job.id].status in FINAL)
    ]
    records: list[Record] = []

    while ready := [job for job in waiting if _makers(run, job) <= done]:
        for job in ready:
            waiting.remove(job)

            if (values := await _settled(run, job, left.intents[job.id])) is not None:
                done.add(job.id)
                records += _records(
                    run, job, kept, left.intents[job.id], values, versions
                )

    for job in waiting:
        await _settled(run, job, left.intents[job.id], runs_again=True)

    return records


def _makers(run: Run, job: JobState) -> set[str]:
    """Return the jobs that make what a job reads."""
    read = run.tasks[job.place].input.keys()
    return {
        run.job(place).id
        for place, task in enumerate(run.tasks)
        if not read.isdisjoint(task.output)
    }


async def _settled(
    run: Run, job: JobState, intent: Intent, *, runs_again: bool = False
) -> list[StoredValue] | None:
    drivers = {name: node.driver for name, node in run.tasks[job.place].output.items()}

    try:
        settle = partial(intent.settle, drivers, runs_again=runs_again)
        return await to_thread.run_sync(settle)
    except Exception as error:  # it runs again, and tells better what is wrong
        _logger.warning("what %s wrote could not be finished: %s", job.id, error)
        return None


def _records(
    run: Run,
    job: JobState,
    kept: Mapping[str, JobRecord],
    intent: Intent,
    values: Sequence[StoredValue],
    versions: Versions,
) -> Iterator[Record]:
    record = kept.get(job.id) or job.record()
    yield record._replace(status=Status.COMPLETED, reason=REASON, finished=intent.at)
    nodes = run.tasks[job.place].output

    for part, value in zip(intent.parts, values, strict=True):
        yield from versions.replace(nodes[part.name], value, job_id=job.id)


def finish_lost(
    left: Unsettled, runs: Iterable[Run], drivers: Mapping[Place, Driver]
) -> None:
    """Finish what is visible in part of runs that the store does not have. Blocks.

    :param runs: those that it has
    :param drivers: those of the data nodes, as far as these are known
    """
    known = {job.id for run in runs for job in run.jobs if job.id in left.intents}

    for job_id in left.intents.keys() - known:
        intent = left.intents[job_id]
        places = [Place(part.name) for part in intent.parts]
        found = {one.name: drivers[one] for one in places if one in drivers}

        with suppress(Exception):  # of a server that is away
            intent.settle(found, runs_again=True)


def discard(left: Unsettled, drivers: Mapping[Place, Driver]) -> None:
    """Discard what waits, and never is published; tell what stays. Blocks.

    :param drivers: those of the data nodes, as far as these are known
    """
    for path, place in left.staged.items():
        if place in drivers:
            drivers[place].discard(None, path)

    stays = {path: place.name for path, place in left.staged.items() if _waits(path)}

    if stays:
        _logger.warning(
            "what programs that were killed have staged for %s is still there: see that "
            "the server can be reached, and the next start removes it; or remove it there, "
            "and here %s",
            named([*dict.fromkeys(map(repr, stays.values()))]),
            named([path + STAGED for path in stays]),
        )


def _waits(path: str) -> bool:
    return os.path.exists(path + STAGED)


def staged_by_dead(folder: str, living: Collection[str]) -> Unsettled:
    """Return what waits on servers that nobody publishes. Blocks.

    :param folder: where values are
    :param living: the orchestrators that are open, or were killed and not followed yet
    """
    names = [name for name in os.listdir(folder) if name.endswith(STAGED)]
    dead = {name.partition("-")[0] for name in names} - {*living}
    found = [left_by(folder, holder_id) for holder_id in sorted(dead)]
    return Unsettled(
        {},
        {path: place for written in found for path, place in written.staged.items()},
    )
