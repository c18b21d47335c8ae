"""What blocking jobs and submissions tell of themselves, also as Taipy calls it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from asyncflow import ids
from asyncflow.abc import Progress, Usage
from asyncflow.entities.job import Job as AsyncJob
from asyncflow.entities.reasons import Reasons
from asyncflow.entities.scenario import Scenario
from asyncflow.entities.submission import Submission as AsyncSubmission
from asyncflow.entities.task import Task
from asyncflow.options import OnFailure
from asyncflow.records import AttemptRecord
from asyncflow.status import Status, SubmissionStatus
from asyncflow.sync.forwarding import Answer, Forwarded, Labeled

if TYPE_CHECKING:
    from pathlib import Path

    from asyncflow.display.picture import DagPicture, GanttPicture


class JobFacts(Labeled[AsyncJob]):
    """What a job tells."""

    __slots__ = ()

    id: Forwarded[str] = Forwarded()
    name: Forwarded[str] = Forwarded()
    config_id: Forwarded[str] = Forwarded()
    status: Forwarded[Status] = Forwarded()
    version: Forwarded[str | None] = Forwarded()
    reason: Forwarded[str] = Forwarded()
    stacktrace: Forwarded[str] = Forwarded()
    submitted_at: Forwarded[datetime] = Forwarded()
    run_at: Forwarded[datetime | None] = Forwarded()
    finished_at: Forwarded[datetime | None] = Forwarded()
    execution_duration: Forwarded[float | None] = Forwarded()
    pending_duration: Forwarded[float | None] = Forwarded()
    blocked_duration: Forwarded[float | None] = Forwarded()
    duration: Forwarded[float | None] = Forwarded()
    attempt: Forwarded[int] = Forwarded()
    attempts: Forwarded[tuple[AttemptRecord, ...]] = Forwarded()
    progress: Forwarded[Progress | None] = Forwarded()
    usage: Forwarded[Usage | None] = Forwarded()
    worker: Forwarded[str | None] = Forwarded()
    is_canceling: Forwarded[bool] = Forwarded()

    @property
    def is_finished(self) -> Answer:
        """Whether its status is final."""
        return Answer(self._told("is_finished"))

    @property
    def creation_date(self) -> datetime:
        """When it was submitted, in UTC."""
        return self.submitted_at

    @property
    def submit_id(self) -> str:
        """The id of its submission."""
        return ids.submission_of(self.id)

    @property
    def submit_entity_id(self) -> str:
        """The id of what was submitted."""
        return self._inner.submission.entity_id

    @property
    def owner_id(self) -> str:
        """The id of its task."""
        return self._inner.task.id

    @property
    def force(self) -> bool:
        """Whether it runs also where it could be skipped."""
        return self._inner.submission.force

    def is_submitted(self) -> bool:
        """Tell whether it is `Status.SUBMITTED`."""
        return self.status is Status.SUBMITTED

    def is_blocked(self) -> bool:
        """Tell whether it is `Status.BLOCKED`."""
        return self.status is Status.BLOCKED

    def is_pending(self) -> bool:
        """Tell whether it is `Status.PENDING`."""
        return self.status is Status.PENDING

    def is_running(self) -> bool:
        """Tell whether it is `Status.RUNNING`."""
        return self.status is Status.RUNNING

    def is_canceled(self) -> bool:
        """Tell whether it is `Status.CANCELED`."""
        return self.status is Status.CANCELED

    def is_failed(self) -> bool:
        """Tell whether it is `Status.FAILED`."""
        return self.status is Status.FAILED

    def is_completed(self) -> bool:
        """Tell whether it is `Status.COMPLETED`."""
        return self.status is Status.COMPLETED

    def is_skipped(self) -> bool:
        """Tell whether it is `Status.SKIPPED`."""
        return self.status is Status.SKIPPED

    def is_abandoned(self) -> bool:
        """Tell whether it is `Status.ABANDONED`."""
        return self.status is Status.ABANDONED

    def is_deletable(self) -> Reasons:
        """Tell whether it can be deleted; see `asyncflow.Job.is_deletable`."""
        return self._loop.call(self._inner.is_deletable)

    def __lt__(self, other: JobFacts) -> bool:
        """Tell whether it was submitted earlier."""
        return self.submitted_at < other.submitted_at

    def __le__(self, other: JobFacts) -> bool:
        """Tell whether it was not submitted later."""
        return self.submitted_at <= other.submitted_at


class SubmissionFacts(Labeled[AsyncSubmission]):
    """What a submission tells."""

    __slots__ = ()

    id: Forwarded[str] = Forwarded()
    entity_id: Forwarded[str] = Forwarded()
    status: Forwarded[SubmissionStatus] = Forwarded()
    submitted_at: Forwarded[datetime] = Forwarded()
    finished_at: Forwarded[datetime | None] = Forwarded()
    properties: Forwarded[Mapping[str, Any]] = Forwarded()
    orchestrator_id: Forwarded[str] = Forwarded()
    waits_for_data: Forwarded[bool] = Forwarded()
    is_paused: Forwarded[bool] = Forwarded()
    is_canceling: Forwarded[bool] = Forwarded()
    version: Forwarded[str | None] = Forwarded()
    is_adopted: Forwarded[bool] = Forwarded()
    run_timeout: Forwarded[float | None] = Forwarded()
    priority: Forwarded[float] = Forwarded()
    force: Forwarded[bool] = Forwarded()
    on_failure: Forwarded[OnFailure] = Forwarded()
    run_at: Forwarded[datetime | None] = Forwarded()
    execution_duration: Forwarded[float | None] = Forwarded()

    def dag(self) -> DagPicture:
        """Return a picture of its tasks and data nodes, and of how far its jobs are.

        It is drawn as things are now. See `Scenario.dag`.
        """
        return self._inner.dag()

    def gantt(self) -> GanttPicture:
        """Return a picture of when its jobs waited and ran; see the async handle."""
        return self._inner.gantt()

    def report(self, path: str | os.PathLike[str]) -> Path:
        """Write it as one page of HTML; see `asyncflow.Submission.report`."""
        return self._loop.call(self._inner.report, path)

    @property
    def is_finished(self) -> Answer:
        """Whether every job has ended."""
        return Answer(self._told("is_finished"))

    @property
    def submission_status(self) -> SubmissionStatus:
        """Its status: final once every job has ended."""
        return self.status

    @property
    def creation_date(self) -> datetime:
        """When it was submitted, in UTC."""
        return self.submitted_at

    @property
    def entity_type(self) -> str:
        """What kind of entity was submitted: ``SCENARIO``, ``SEQUENCE`` or ``TASK``."""
        return ids.kind_of(self.entity_id)

    @property
    def entity_config_id(self) -> str | None:
        """The id of the config of what was submitted; None for a sequence."""
        entity = self._inner.entity
        return entity.config_id if isinstance(entity, Scenario | Task) else None

    @property
    def is_completed(self) -> bool:
        """Whether it is `SubmissionStatus.COMPLETED`."""
        return self.status is SubmissionStatus.COMPLETED

    @property
    def is_canceled(self) -> bool:
        """Whether it is `SubmissionStatus.CANCELED`."""
        return self.status is SubmissionStatus.CANCELED

    @property
    def is_abandoned(self) -> bool:
        """Whether it has ended with jobs that are `Status.ABANDONED`."""
        return self.is_finished() and Status.ABANDONED in self._inner.counts()

    def pause(self) -> None:
        """Start no job of the run until `resume`; see `asyncflow.Submission.pause`."""
        self._loop.call(self._inner.pause)

    def resume(self) -> None:
        """Start jobs of the run again; see `asyncflow.Submission.resume`."""
        self._loop.call(self._inner.resume)

    def is_deletable(self) -> Reasons:
        """Tell whether it can be deleted; see `asyncflow.Submission.is_deletable`."""
        return self._loop.call(self._inner.is_deletable)

    def __lt__(self, other: SubmissionFacts) -> bool:
        """Tell whether it was submitted earlier."""
        return self.submitted_at < other.submitted_at

    def __le__(self, other: SubmissionFacts) -> bool:
        """Tell whether it was not submitted later."""
        return self.submitted_at <= other.submitted_at
