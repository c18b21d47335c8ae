"""Intents: what a job is about to make visible outside of what asyncflow keeps.

A job's outputs are written first, where no reader sees them. Where some of them are places
of the user's, an intent is kept before the first is made visible: a file beside the values,
which goes once the job's outcome is in the store. Whoever finds it after a crash makes the
rest visible, and the job has completed: it does not run again.
"""

from __future__ import annotations

import os
import pickle
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from asyncflow.worker.current import current_job
from asyncflow.worker.outcome import StoredValue
from asyncflow.worker.replacing import replace_file
from asyncflow.worker.values import STAGED as STAGED
from asyncflow.worker.values import former_name, intent_path, temporary_name
from asyncflow.worker.wire import Output, ValueDriver

# These are no named tuples, which are made by code in a text: where that runs as Python
# ends, Python forgets that Ctrl-C is to end it by its signal.


class Part:
    """One output, which is written.

    :param name: the data node's, in its task
    :param path: what `Driver.write` was given
    :param kept: what it returned
    """

    def __init__(self, name: str, path: str, kept: StoredValue) -> None:
        self.name = name
        self.path = path
        self.kept = kept


class Intent:
    """The outputs of a job that has returned.

    :param at: when all were written, in seconds since the epoch
    """

    def __init__(self, job_id: str, at: float, parts: tuple[Part, ...]) -> None:
        self.job_id = job_id
        self.at = at
        self.parts = parts

    def settle(
        self, drivers: Mapping[str, ValueDriver], *, runs_again: bool = False
    ) -> list[StoredValue] | None:
        """Make visible what is not; return what is to be read. Blocks.

        None where nobody can tell whether something is visible, or it is lost: then the
        job has to run again. What was visible in part is so as a whole all the same.

        :param drivers: those of the outputs, by their names
        :param runs_again: whether the job runs again in any case
        """
        if {part.name for part in self.parts} != {*drivers}:
            return None  # the task is another one now

        states = [_state(drivers[part.name], part) for part in self.parts]
        is_whole = None not in states and not runs_again

        if not is_whole and not any(states):
            return None

        kept = [
            _publish(drivers[part.name], part) if state is False else None
            for part, state in zip(self.parts, states, strict=True)
        ]
        return kept if is_whole else None


def _state(driver: ValueDriver, part: Part) -> bool | None:
    if driver.keeps_versions:  # visible as the outcome is in the store
        is_lost = isinstance(part.kept, str) and not os.path.exists(part.kept)
        return None if is_lost or not driver.is_durable else False

    return driver.is_published(part.kept, part.path)


def _publish(driver: ValueDriver, part: Part) -> StoredValue:
    """Publish a part, unless a worker that lives on has done it meanwhile."""
    try:
        return driver.publish(part.kept, part.path)
    except Exception:
        if driver.is_published(part.kept, part.path):
            return None

        raise


def begin(outputs: Sequence[Output], kept: Sequence[StoredValue]) -> str | None:
    """Keep the intent of the job that runs here; return its file. None outside of jobs.

    :param outputs: those of the job
    :param kept: what became of them as they were written
    """
    if (job := current_job()) is None:
        return None

    folder, name = os.path.split(outputs[0][2])
    file = intent_path(folder, name.partition("-")[0], job.id)
    parts = [
        (name, path, value)
        for (name, _, path), value in zip(outputs, kept, strict=True)
    ]
    data = pickle.dumps((job.id, time.time(), parts), 5)

    try:
        replace_file(file, lambda out: out.write(data), temporary_name(file), sync=True)
    except FileNotFoundError:  # the folder is on another host: nobody here would look
        return None

    return file


def take(file: str) -> Intent | None:
    """Read an intent; None where there is none, or it is not whole."""
    try:
        with open(file, "rb") as opened:
            job_id, at, parts = pickle.load(opened)
    except Exception:  # of what is torn: whatever pickle makes of it
        return None

    return Intent(job_id, at, tuple(Part(*part) for part in parts))


def drop(file: str) -> None:
    """Forget an intent."""
    with suppress(OSError):
        os.unlink(file)


def settled_here(job_id: str, outputs: Sequence[Output]) -> list[StoredValue] | None:
    """Settle what a killed job has left; return what is to be read. Blocks.

    None where it had not come to its intent, or has to run again: then what it wrote, and
    nobody sees, is discarded.

    :param outputs: those of the job
    """
    if all(driver.keeps_versions for _, driver, _ in outputs):
        return None

    folder, name = os.path.split(outputs[0][2])
    file = intent_path(folder, name.partition("-")[0], job_id)
    kept: list[StoredValue] | None = None

    if (intent := take(file)) is not None:
        with suppress(Exception):  # of a server that is away: as if nothing were known
            kept = intent.settle({name: driver for name, driver, _ in outputs})

    if kept is None:
        drop(file)

        for _, driver, path in outputs:
            if os.path.exists(path + STAGED):
                driver.discard(None, path)

    for _, driver, path in outputs:
        with suppress(OSError):
            os.unlink(former_name(driver.staging_path(path)))

    return kept
