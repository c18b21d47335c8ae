"""Flights: jobs that have a seat, from the start to how they ended."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping, Sequence

from asyncflow.abc import (
    Call,
    Crashed,
    Driver,
    Kept,
    Killed,
    Made,
    Outcome,
    Raised,
    Returned,
)
from asyncflow.entities.data_node import DataNode, Version
from asyncflow.entities.job import Job, Status
from asyncflow.entities.submission import Submission
from asyncflow.scheduler._instructions import Ref
from asyncflow.scheduler._skips import Seen, seen
from asyncflow.scheduler._travel import Travel
from asyncflow.scheduler._versions import Versions
from asyncflow.status import AttemptKind
from asyncflow.worker.shortened import REASON, shortened


class Flight:
    """A job that has a seat.

    There is one for each job, so what few of them have is the class's until it is set.

    :param reason: why it runs, where it could have been skipped
    """

    call: Call | None = None
    """What its executor was given; None before."""
    follower: Flight | None = None
    """The next link of its chain, in the same trip."""
    reading: Sequence[Version] = ()
    """The versions of its inputs that have files: kept until it has ended."""
    basis: Seen | None = None
    """What its outputs follow from, where the task is skippable."""
    is_noted: bool = False
    """Whether the store knows that it runs."""
    is_over: bool = False
    """Whether it has ended, or was given back."""
    verdict: tuple[Status, str] | None = None
    """What it becomes if it does not complete, and why: it is being killed."""
    limit: AttemptKind | None = None
    """The limit that it is being killed for: it may be tried again. None for no limit."""

    def __init__(
        self, ref: Ref, submission: Submission, travel: Travel, reason: str
    ) -> None:
        place = ref[1]
        self.ref = ref
        self.submission = submission
        self.travel = travel
        self.reason = reason
        self.task = submission.tasks[place]
        self.job_id = f"JOB_{self.task.config.id}_{submission.key}"

    @property
    def job(self) -> Job:
        """The job. Most are never made: ask for it only where it is needed."""
        return self.submission.job(self.ref[1])

    @property
    def is_fragile(self) -> bool:
        """Whether the store is to know that it runs before it does."""
        is_suspect = self.submission.crashes > 0
        return is_suspect or self.task.config.on_restart == "fail"

    @property
    def status(self) -> Status:
        """The status of the job."""
        return self.submission.job_status(self.ref[1])


def call_of(
    flight: Flight,
    versions: Versions,
    made: Mapping[str, Kept | Made],
    carrier: str | None = None,
) -> Call:
    """Describe a job to its executor, and keep the versions that it reads.

    :param made: by their ids, the data nodes that earlier jobs of the same trip write,
        or have written before they landed
    :param carrier: the trace that its function continues
    """
    travel, task = flight.travel, flight.task
    config = task.config
    inputs: list[tuple[str, Driver, Kept | Made]] = []
    outputs: list[tuple[str, Driver, str]] = []

    if travel.fingerprint is not None:
        flight.basis = seen(task, flight.submission.pins)

    pins = flight.submission.pins

    for name, node in task.input.items():
        version = node.version
        kept: Kept | Made = made.get(node.id) if made else None

        if pins is not None and node.id in pins:
            kept, version = None, pins[node.id]

        if kept is None and version is not None:
            kept = version.kept

            if isinstance(kept, str):
                version.readers += 1
                flight.reading = (*flight.reading, version)

        inputs.append((name, node.driver, kept))

    for name, node in task.output.items():
        outputs.append((name, node.driver, versions.new_path(node)))

    return Call(
        flight.job_id,
        config.id,
        config.function,
        travel.code,
        tuple(inputs),
        tuple(outputs),
        travel.is_async,
        travel.sources,
        flight.submission.attempt(flight.ref[1]),
        config.memory_limit,
        travel.pace.is_short,
        carrier,
        config.stall_timeout is not None,
        travel.pinned,
    )


def read_by(flight: Flight) -> Iterator[tuple[DataNode, Version]]:
    """Yield what a job reads, as far as it is there already."""
    pins = flight.submission.pins or {}

    for node in flight.task.input.values():
        if version := pins.get(node.id, node.version):
            yield node, version


def judge(
    outcome: Outcome, verdict: tuple[Status, str] | None
) -> tuple[Status, str, tuple[Kept, ...]]:
    """Turn an outcome into a status, a reason and what was kept."""
    if isinstance(outcome, Returned):
        return Status.COMPLETED, "", outcome.kept

    if verdict is not None:
        return *verdict, ()

    match outcome:
        case Raised(summary):
            return Status.FAILED, shortened(summary, REASON), ()
        case Crashed(returncode, detail):
            why = shortened(detail, REASON) or _crash(returncode)
            return Status.FAILED, why, ()
        case Killed():
            return Status.CANCELED, "the orchestrator was stopped", ()


def kind_of(outcome: Outcome, limit: AttemptKind | None) -> AttemptKind:
    """Tell how an attempt failed.

    :param limit: what it was killed for, where that is a limit
    """
    if limit is not None:
        return limit

    return AttemptKind.CRASHED if isinstance(outcome, Crashed) else AttemptKind.RAISED


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
