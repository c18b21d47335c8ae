"""Flights: jobs that have a seat, from the start to how they ended."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Mapping

import attrs
from anyio import CancelScope

from asyncflow.abc import (
    Call,
    Crashed,
    Driver,
    Kept,
    Killed,
    Log,
    Outcome,
    Raised,
    Returned,
)
from asyncflow.entities.data_node import Version
from asyncflow.entities.job import Job, Status
from asyncflow.scheduler._plan import Ref
from asyncflow.scheduler._skips import versions as numbers
from asyncflow.scheduler._travel import Travel
from asyncflow.scheduler._versions import Versions

_logger = logging.getLogger("asyncflow")


@attrs.define(eq=False)
class Flight:
    """A job that has a seat."""

    ref: Ref
    job: Job
    scope: CancelScope
    reason: str
    """Why it runs, where it could have been skipped."""
    reading: list[Version] = attrs.field(init=False, factory=list)
    """The versions of its inputs: kept until it has ended."""
    basis: Mapping[str, int] | None = attrs.field(init=False, default=None)
    """The versions that its outputs follow from, where the task is skippable."""
    is_noted: bool = attrs.field(init=False, default=False)
    """Whether the store knows that it runs."""
    killed_for: str = attrs.field(init=False, default="")
    outcome: Outcome | None = attrs.field(init=False, default=None)


def call_of(flight: Flight, travel: Travel, versions: Versions) -> Call:
    """Describe a job to its executor, and keep the versions that it reads."""
    job = flight.job
    inputs: list[tuple[str, Driver, Kept]] = []

    if travel.fingerprint is not None:
        flight.basis = numbers(job.task.input)

    for name, node in job.task.input.items():
        if node.version is not None:
            versions.pin(node.version)
            flight.reading.append(node.version)

        inputs.append((name, node.driver, node.version.kept if node.version else None))

    return Call(
        job_id=job.id,
        task=job.task.config_id,
        function=job.task.function,
        code=travel.code,
        inputs=tuple(inputs),
        outputs=tuple(
            (name, node.driver, versions.new_path())
            for name, node in job.task.output.items()
        ),
        is_async=travel.is_async,
        sources=travel.sources,
    )


def judge(
    outcome: Outcome | None, killed_for: str
) -> tuple[Status, str, tuple[Kept, ...]]:
    """Turn an outcome into a status, a reason and what was kept."""
    match outcome:
        case Returned(kept):
            return Status.COMPLETED, "", kept
        case Raised(summary):
            return Status.FAILED, summary, ()
        case Crashed(returncode, detail):
            return Status.FAILED, detail or _crash(returncode), ()
        case Killed() | None:
            return Status.CANCELED, killed_for or "the orchestrator was stopped", ()


def _crash(returncode: int | None) -> str:
    """Say how a process ended."""
    if returncode is None:
        return "its worker process ended, nobody knows how"

    if returncode < 0:
        try:
            name = signal.Signals(-returncode).name
        except ValueError:
            name = "a signal"

        return f"its worker process was killed by {name} ({-returncode})"

    return f"its worker process ended with exit code {returncode}"


def show(log: Log) -> None:
    """Print what a job printed. Blocks."""
    try:
        sys.stdout.write(log.read())
        sys.stdout.flush()
    except (OSError, ValueError) as error:  # closed: nobody is there to read it
        _logger.warning("the output of a job could not be printed: %s", error)
