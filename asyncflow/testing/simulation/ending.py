"""The end of a trial: what is left then, and what should have come of it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import attrs

from asyncflow.ids import config_of
from asyncflow.records import JobRecord, SubmissionRecord
from asyncflow.status import Status
from asyncflow.testing.simulation.asked import Asked
from asyncflow.testing.simulation.audit import Audit
from asyncflow.testing.simulation.process import Process
from asyncflow.testing.simulation.trial import Task


@attrs.define(eq=False)
class Ending:
    """Checks what is left of a trial."""

    audit: Audit

    def at_rest(self, engine: Any, process: Process) -> None:
        """Check what is left in an orchestrator that has nothing to do."""
        scheduler, name = engine.scheduler, process.name
        plan = scheduler._plan
        left = {
            "tokens of the limiter": scheduler.limiter.borrowed_tokens,
            "jobs in flight": len(scheduler.in_flight._by_ref),
            "slots of the plan": len(plan._takers),
            "runs of the plan": len(plan._runs),
            "runs": len(scheduler.runs.by_number),
            "ready jobs": plan.ready,
            "waiting runs": len(scheduler._waiting),
        }

        for what, count in left.items():
            if count:
                self.audit.world.violated(f"{name} is at rest with {count} {what}")

    def at_end(
        self, runs: Sequence[SubmissionRecord], jobs: Sequence[JobRecord]
    ) -> None:
        """Check what is kept of the runs when all has ended."""
        by_id = {run.id: run for run in runs}

        for asked in self.audit.asked.values():
            if not asked.is_accepted or asked.is_forgotten:
                continue

            run = by_id.get(asked.id)

            if run is None:
                self.audit.world.violated(f"{asked.id} was accepted, and is lost")
            elif run.finished is None:
                self.audit.world.violated(f"{asked.id} was accepted, and has not ended")
            else:
                own = [job for job in jobs if job.submission_id == run.id]
                self._check_run(asked, own)

    def on_disk(self, *, is_clean: bool) -> None:
        """Check what is left on the simulated disk when all has ended.

        :param is_clean: whether no process was killed, and no disk has failed
        """
        tables = self.audit.disk.kept._tables
        there = {*os.listdir(self.audit.disk.values_folder)}

        if lost := tables.names() - there:
            self.audit.world.violated(f"files are lost: {sorted(lost)}")

        if not is_clean:
            return

        if pinned := sorted(filter(tables.has_ended, tables.pins)):
            self.audit.world.violated(f"values are still pinned for {pinned}")

        if left := there - tables.names():
            self.audit.world.violated(f"files are left: {sorted(left)}")

        if not self.audit.trial.is_far and tables.orchestrators.records:
            self.audit.world.violated(
                f"{sorted(tables.orchestrators.records)} are still there"
            )

    def _check_run(self, asked: Asked, jobs: Sequence[JobRecord]) -> None:
        by_task = {config_of(job.id): job for job in jobs}
        makers = {name: task.name for task in asked.flow.tasks for name in task.outputs}

        for task in asked.flow.tasks:
            job = by_task.get(task.name)

            if job is None:
                self.audit.world.violated(f"{asked.id} has no job of {task.name}")
                continue

            needed = {
                by_task[makers[name]].status
                for name in task.inputs
                if name in makers and makers[name] in by_task
            }

            if job.status is Status.ABANDONED and needed <= {
                Status.COMPLETED,
                Status.SKIPPED,
            }:
                self.audit.world.violated(
                    f"{job.id} is abandoned, and all it needs was made"
                )

            if job.status in (Status.COMPLETED, Status.SKIPPED) and not needed <= {
                Status.COMPLETED,
                Status.SKIPPED,
            }:
                self.audit.world.violated(
                    f"{job.id} is {job.status}: what it needs was not made"
                )

            if job.status is Status.FAILED:
                self._check_failure(asked, task, job)

    def _check_failure(self, asked: Asked, task: Task, job: JobRecord) -> None:
        may_fail = (
            task.failing
            or task.dying
            or task.hanging
            or "run_timeout" in task.options
            or asked.has_limit
            or "orchestrator" in job.reason
        )

        if not may_fail:
            self.audit.world.violated(f"{job.id} has failed for nothing: {job.reason}")
