"""An attempt at a job: it has a slot, from the start to how it ended."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from asyncflow import ids
from asyncflow.abc import (
    Call,
    Crashed,
    Driver,
    Killed,
    Made,
    Outcome,
    Raised,
    Returned,
    StoredValue,
)
from asyncflow.dispatch.call_spec import CallSpec
from asyncflow.dispatch.skipping import InputSnapshot, snapshot
from asyncflow.entities.job import Job
from asyncflow.entities.submission import Run
from asyncflow.log import logger as _logger
from asyncflow.plan.instructions import Ref
from asyncflow.runs.job import JobState
from asyncflow.runs.node import Given, NodeState, Version
from asyncflow.runs.task import TaskState
from asyncflow.status import AttemptKind, Status
from asyncflow.values.versions import Versions
from asyncflow.worker.shortened import REASON, shortened

if TYPE_CHECKING:
    from asyncflow.dispatch.carrier import Carrier

_new = tuple.__new__


class Attempt:
    """A job that has a slot.

    There is one for each job, so what few of them have is the class's until it is set.

    :param reason: why it runs, where it could have been skipped
    """

    call: Call | None = None
    """What its executor was given; None before."""
    next_in_chain: Attempt | None = None
    """The next link of its chain, in the same batch."""
    read_versions: Sequence[Version] = ()
    """The versions of its inputs that have files: kept until it has ended."""
    snapshot: InputSnapshot | None = None
    """What its outputs follow from, where the task is skippable."""
    waiting_file: str | None = None
    """The file that says that its call has not begun; None for none."""
    is_marked_running: bool = False
    """Whether the store knows that it runs."""
    is_over: bool = False
    """Whether it has ended, or was given back."""
    verdict: tuple[Status, str] | None = None
    """What it becomes if it does not complete, and why: it is being killed."""
    limit: AttemptKind | None = None
    """The limit that it is being killed for: it may be tried again. None for no limit."""
    is_recalled: bool = False
    """Whether it was asked back for no fault of its own: a kill then gives it back."""

    def __init__(self, ref: Ref, run: Run, spec: CallSpec, reason: str) -> None:
        place = ref[1]
        self.ref = ref
        self.run = run
        self.spec = spec
        self.reason = reason
        self.task: TaskState = run.tasks[place]
        self.job_id: str = ids.of_job(self.task.config.id, run.key)

    @property
    def job(self) -> JobState:
        """The job. Most are never made: ask for it only where it is needed."""
        return self.run.job(self.ref[1])

    @property
    def must_be_marked(self) -> bool:
        """Whether the store is to know that it runs before it does."""
        is_suspect = self.run.crashes > 0
        return is_suspect or self.task.config.on_restart == "fail"

    @property
    def status(self) -> Status:
        """The status of the job."""
        return self.run.table.status[self.ref[1]]


class Tracer:
    """What goes with each job to where it runs, so that its trace goes on there."""

    def __init__(self) -> None:
        self.carriers: list[Carrier] = []
        """None where nobody traces."""

    def carrier(self, job: Job) -> str | None:
        """Return what continues the trace of a job: of those who have it, the first's.

        What one raises is logged: the job runs without.
        """
        for carrier in self.carriers:
            try:
                if found := carrier.traceparent(job):
                    return found
            except Exception as error:
                _logger.error(
                    "the trace of %s is not continued", job.id, exc_info=error
                )

        return None


def call_of(
    attempt: Attempt,
    versions: Versions,
    made: Mapping[str, StoredValue | Made],
    carrier: str | None = None,
) -> Call:
    """Describe a job to its executor, and keep the versions that it reads.

    :param made: by their ids, the data nodes that earlier jobs of the same batch write,
        or have written before that was taken
    :param carrier: the trace that its function continues
    """
    spec, task, run = attempt.spec, attempt.task, attempt.run
    config, place, pins = task.config, attempt.ref[1], run.pins
    jobs = run.table.made
    inputs: list[tuple[str, Driver, StoredValue | Made]] = []

    if spec.fingerprint is not None:
        attempt.snapshot = snapshot(task, pins)

    for name, node in task.input.items():
        version, driver = node.version, node.driver
        stored: StoredValue | Made = made.get(node.id) if made else None

        if pins and node.id in pins:
            stored, version = None, pins[node.id]

            if type(version) is Given:
                driver = versions.files.given_driver()

        if stored is None and version is not None:
            stored = version.kept

            if type(stored) is not bytes and isinstance(stored, str):
                version.readers += 1
                attempt.read_versions = (*attempt.read_versions, version)

        inputs.append((name, driver, stored))

    new_path = versions.new_path
    outputs = [
        (name, node.driver, new_path(node)) for name, node in task.output.items()
    ]
    facts = (
        attempt.job_id,
        config.id,
        spec.function,
        spec.code,
        (*inputs,),
        (*outputs,),
        spec.is_async,
        spec.sources,
        jobs[place].attempt if jobs and place in jobs else 1,  # most are never made
        config.memory_limit,
        spec.duration.is_short,
        carrier,
        config.stall_timeout is not None,
        spec.pinned,
        None,
    )
    return _new(
        Call, facts
    )  # by place and without a call, as there is one for each job


def read_by(attempt: Attempt) -> Iterator[tuple[NodeState, Version]]:
    """Yield what a job reads, as far as it is there already."""
    pins = attempt.run.pins or {}

    for node in attempt.task.input.values():
        if version := pins.get(node.id, node.version):
            yield node, version


def checked(
    outcome: Outcome, attempt: Attempt, *, is_stopping: Callable[[], bool]
) -> Outcome:
    """Return an outcome, or a crash where it makes no sense.

    :param is_stopping: tells whether what runs is being cancelled
    """
    received: object = outcome

    if not isinstance(received, Outcome):
        return Crashed(
            None, f"its executor told an outcome that is none: {received!r:.200}"
        )

    if isinstance(outcome, Returned):
        found, wanted = len(outcome.kept), len(attempt.task.output)

        if found != wanted:
            return Crashed(None, f"its executor told {found} of {wanted} outputs")

    if isinstance(outcome, Killed) and attempt.verdict is None and not is_stopping():
        why = "its executor ended it, which nobody had asked for"
        return Crashed(None, why, outcome.log, outcome.usage, worker=outcome.worker)

    return outcome


def judge(
    outcome: Outcome, verdict: tuple[Status, str] | None
) -> tuple[Status, str, tuple[StoredValue, ...]]:
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

    return AttemptKind(outcome.kind if isinstance(outcome, Crashed) else "RAISED")


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
