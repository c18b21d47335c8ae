"""The audit: what the engine promises, checked at each step and at the end."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from asyncflow.abc import Call
from asyncflow.events import JobFinished, SubmissionFinished
from asyncflow.ids import config_of, of_submission
from asyncflow.records import (
    JobRecord,
    OrchestratorRecord,
    Record,
    SubmissionRecord,
    VersionRecord,
)
from asyncflow.status import FINAL, Status
from asyncflow.testing.simulation.asked import Asked, Written
from asyncflow.testing.simulation.disk import Disk
from asyncflow.testing.simulation.process import Process
from asyncflow.testing.simulation.trial import RESOURCES, Task, Trial
from asyncflow.testing.simulation.world import World
from asyncflow.worker.current import CurrentJob

_OURS = (
    "could not handle",
    "its executor told",
    "its executor raised",
    "not be started",
)
"""What reasons say where the engine has failed, and not the job."""


@attrs.define(eq=False)
class Audit:
    """Sees what is committed, what runs, and what users are told."""

    world: World
    trial: Trial
    disk: Disk
    asked: dict[str, Asked] = attrs.field(init=False, factory=dict)
    deleted: set[str] = attrs.field(init=False, factory=set)
    """The scenarios that somebody has begun to delete."""
    writes: dict[str, list[Written]] = attrs.field(init=False, factory=dict)
    """What was written by hand, by the ids of the data nodes."""
    _running: dict[str, dict[str, Call]] = attrs.field(
        init=False, factory=lambda: defaultdict(dict)
    )
    """What runs, by the names of the processes and of the jobs' workers."""
    _called: Counter[tuple[str, int]] = attrs.field(init=False, factory=Counter)
    _called_in: dict[str, list[str]] = attrs.field(
        init=False, factory=lambda: defaultdict(list)
    )
    _taken: dict[str, int] = attrs.field(init=False, factory=dict)
    """At which moments the store took runs, by their ids."""
    _owners: dict[str, str] = attrs.field(init=False, factory=dict)
    """The names of processes, by the ids of the orchestrators that were theirs."""
    _new: list[SubmissionRecord] = attrs.field(init=False, factory=list)

    # ------------------------------------------------------------- what is committed

    def saves(self, process: Process, records: Sequence[Record]) -> None:
        """Look at records that are kept together, just before they are."""
        done = {
            record.id
            for record in records
            if isinstance(record, JobRecord) and record.status is Status.COMPLETED
        }

        for record in records:
            if isinstance(record, JobRecord):
                self._saves_job(record, records)
            elif isinstance(record, VersionRecord):
                self._saves_version(record, done)
            elif isinstance(record, SubmissionRecord):
                self._saves_run(record)
            elif isinstance(record, OrchestratorRecord):
                self._owners[record.id] = process.name

    def committed(self, process: Process) -> None:  # noqa: ARG002
        """Look at what is kept after a transaction."""
        runs, self._new = self._new, []
        tables = self.disk.kept._tables

        for run in runs:
            asked = self.asked.get(run.id)
            jobs = tables.jobs.found(submission_id=run.id)
            is_there = run.id in tables.submissions.records

            if asked is None or not is_there:
                continue

            ended = {job.id for job in jobs if job.status in FINAL}

            if len(ended) != len(asked.flow.tasks):
                self._violated(
                    f"{run.id} has finished with {len(ended)} of "
                    f"{len(asked.flow.tasks)} jobs ended"
                )

    def _saves_job(self, record: JobRecord, records: Sequence[Record]) -> None:
        old = self.disk.kept._tables.jobs.records.get(record.id)
        self.world.note("job", record.id, record.status, record.reason[:60])

        if old is not None and old.status in FINAL:
            self._violated(
                f"the outcome of {record.id} came twice: {old.status} ({old.reason}), "
                f"then {record.status} ({record.reason})"
            )

        if any(text in record.reason for text in _OURS):
            self._violated(f"{record.id}: {record.reason}")

        if record.status is Status.COMPLETED:
            made = [
                config_of(version.node_id)
                for version in records
                if isinstance(version, VersionRecord)
                and version.job_id == record.id
                and version.is_kept
            ]
            task = self._task(record.id)

            if task is not None and sorted(made) != sorted(task.outputs):
                self._violated(f"{record.id} has completed with the outputs {made}")

            if task is not None and record.id not in self._called_in:
                self._violated(f"{record.id} has completed, and never ran")

    def _saves_version(self, record: VersionRecord, done: set[str]) -> None:
        tables = self.disk.kept._tables

        if record.job_id is None or record.id in tables.versions.records:
            return

        job = tables.jobs.records.get(record.job_id)
        self.world.note("version", record.node_id, record.job_id)

        if record.job_id not in done and (
            job is None or job.status is not Status.COMPLETED
        ):
            self._violated(
                f"{record.node_id} has a value of {record.job_id}: no commit"
            )

    def _saves_run(self, record: SubmissionRecord) -> None:
        old = self.disk.kept._tables.submissions.records.get(record.id)
        self.world.note("run", record.id, record.status)

        if old is None:
            self._taken.setdefault(record.id, self.world.moment)

        if old is not None and old.finished is not None:
            self._violated(f"{record.id} was {old.status}, then {record.status}")

        if record.finished is not None:
            self._new.append(record)

    # -------------------------------------------------------------------- what runs

    def begins(self, call: Call, worker: Process) -> None:
        """Take note that a worker begins a call."""
        process = worker.of_orchestrator
        running = self._running[process.name]
        self.world.note("begins", call.job_id, call.attempt, process.name)

        if process.is_alive:
            self._check_commit(call, process)
            self._check_amounts(call, running, process)
            self._check_nodes(call, running)

        running[call.job_id] = call

    def ends(self, call: Call, worker: Process) -> None:
        """Take note that it has ended, or will never end."""
        if self._running[worker.of_orchestrator.name].pop(call.job_id, None):
            self.world.note("ends", call.job_id, call.attempt)

    def called(self, job: CurrentJob, values: Sequence[Any]) -> None:
        """Take note that the function of a job is called."""
        self._called[job.id, job.attempt] += 1
        self._called_in[job.id].append(str(job.attempt))
        task = self._task(job.id)

        if task is None:
            return

        if task.options.get("on_restart") == "fail" and (
            self._called[job.id, job.attempt] > 1
        ):
            self._violated(f"{job.id} ran twice, and on_restart is 'fail'")

        for name, value in zip(task.inputs, values, strict=True):
            self._check_input(job, name, value["id"])

    def _check_commit(self, call: Call, process: Process) -> None:
        record = self.disk.kept._tables.jobs.records.get(call.job_id)

        if record is None or record.status not in FINAL or self.is_ousted(process):
            return

        self._violated(f"{call.job_id} runs, and was {record.status} before")

    def is_ousted(self, process: Process) -> bool:
        """Tell whether others have taken a process for dead."""
        here = self.disk.kept._tables.orchestrators.records
        return not any(self._owners.get(name) == process.name for name in here)

    def _check_amounts(
        self, call: Call, running: Mapping[str, Call], process: Process
    ) -> None:
        calls = [*running.values(), call]

        if len(calls) > self.trial.workers:
            self._violated(f"{len(calls)} jobs run at once in {process.name}")

        for name, there_is in RESOURCES.items():
            taken = sum(
                self.trial.task(call.task).options.get("needs", {}).get(name, 0)
                for call in calls
            )

            if taken > there_is:
                self._violated(f"{taken} of {there_is} {name} are taken")

        if call.job_id in running:
            self._violated(f"{call.job_id} runs twice at once")

    def _check_nodes(self, call: Call, running: Mapping[str, Call]) -> None:
        reads, writes = self._touched(call)

        for other in running.values():
            others_reads, others_writes = self._touched(other)
            both = (writes & (others_reads | others_writes)) | (reads & others_writes)

            if both:
                self._violated(
                    f"{call.job_id} runs beside {other.job_id}: both use {sorted(both)}"
                )

    def _touched(self, call: Call) -> tuple[set[str], set[str]]:
        key = call.job_id.rpartition("_")[2]
        asked = self.asked.get(of_submission(key))

        if asked is None:
            return set(), set()

        task, nodes = self.trial.task(call.task), asked.nodes
        return {nodes[name] for name in task.inputs}, {
            nodes[name] for name in task.outputs
        }

    def _check_input(self, job: CurrentJob, name: str, value: str) -> None:
        asked = self.asked.get(job.submission_id)

        if asked is None:
            return

        node, _, maker = value.partition("=")
        if node != name:
            self._violated(f"{job.id} read {value} for {name}")
            return

        makers = [task for task in asked.flow.tasks if name in task.outputs]

        if not makers:
            self._check_source(job, asked, name, maker)
            return

        other = self.asked.get(maker.partition(":")[0])

        # Runs of several processes do not wait for each other.
        if (
            other is not None
            and other is not asked
            and other.process is asked.process
            and not any(task.options.get("skippable") for task in makers)
        ):
            self._violated(f"{job.id} read {value}, which its own run was to make")

    def _check_source(
        self, job: CurrentJob, asked: Asked, name: str, maker: str
    ) -> None:
        """Check that a job reads what was there when its run was submitted."""
        writes = self.writes.get(asked.nodes[name], [])

        if name == "shared":  # others may have written it meanwhile
            return

        # What others write comes after it from the moment on at which the store took it.
        taken = self._taken.get(asked.id, asked.moment)
        before = [
            write
            for write in writes
            if write.began < (asked.moment if write.process is asked.process else taken)
        ]
        there = [
            write
            for write in before
            if write.ended is not None and write.ended < asked.moment
        ]
        last = max((write.began for write in there), default=-1)
        # Of two that were written at a time, either may be the last.
        allowed = {
            write.value
            for write in before
            if write.ended is None or write.ended >= last
        }

        if not there:
            allowed.add("default")

        if maker not in allowed:
            self._violated(
                f"{job.id} read {name}={maker}: not what was there at its submit "
                f"({', '.join(sorted(allowed))})"
            )

    # ---------------------------------------------------------- what users are told

    def told(self, event: object, process: Process) -> None:
        """Look at an event."""
        if not process.is_alive or self.is_ousted(process):
            return

        tables = self.disk.kept._tables

        if isinstance(event, JobFinished):
            self.world.note("told", event.job_id, event.status)

            if event.job_id in self._running[process.name]:
                self._violated(f"{event.job_id} is told as {event.status}, and runs")

            job = tables.jobs.records.get(event.job_id)

            if self._is_there(event.submission_id) and (
                job is None or job.status is not event.status
            ):
                self._violated(f"{event.job_id} is told as {event.status}: no commit")
        elif isinstance(event, SubmissionFinished):
            self.world.note("told", event.submission_id, event.status)
            run = tables.submissions.records.get(event.submission_id)

            if self._is_there(event.submission_id) and (
                run is None or run.finished is None
            ):
                self._violated(f"{event.submission_id} is told as ended: no commit")

    def _is_there(self, run_id: str) -> bool:
        asked = self.asked.get(run_id)
        return asked is not None and asked.is_accepted and not asked.is_forgotten

    def _task(self, job_id: str) -> Task | None:
        key = job_id.rpartition("_")[2]
        asked = self.asked.get(of_submission(key))
        return None if asked is None else self.trial.task(config_of(job_id))

    def _violated(self, what: str) -> None:
        self.world.violated(what)
