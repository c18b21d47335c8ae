"""What has happened, as frozen facts.

A submission's events are in the order in which they happened: `SubmissionStarted`, then
for each job that runs `JobPending`, `JobStarted` and `JobFinished` (a job that never
runs has its `JobFinished` alone), and at the end `SubmissionFinished`. `JobProgressed`
comes between the start of a job and its end, live alone: no history keeps it. A job that
is tried again has a `JobAttemptFailed` after its `JobStarted`, then another `JobStarted`.

`EntityCreated`, `EntityUpdated` and `EntityDeleted` tell of scenarios, cycles, sequences,
tasks and data nodes, whoever changes them in this process. Who wants them asks for them.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any

import attrs

from asyncflow.facts import Facts, plain
from asyncflow.status import Status, SubmissionStatus


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Event(Facts):
    """Something that happened in a submission."""

    submission_id: str

    at: datetime
    """When, in UTC."""

    def as_dict(self) -> dict[str, Any]:
        """Return its facts as plain data that JSON can hold.

        Under ``"event"`` stands its kind, as ``"JobFinished"``; times are ISO texts.
        """
        return _plain(self)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class SubmissionStarted(Event):
    """A submission was accepted."""

    entity_id: str
    """What was submitted: a scenario, a sequence or a task."""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class JobEvent(Event):
    """Something that happened to a job."""

    job_id: str

    task: str
    """The id of the task's config."""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class JobPending(JobEvent):
    """A job has all it needs; it waits for a worker."""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class JobStarted(JobEvent):
    """A job was given to a worker."""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class JobAttemptFailed(JobEvent):
    """An attempt at a job failed; it waits for a worker, to be tried again."""

    attempt: int
    """The number of the attempt that failed: 1 for the first."""

    reason: str
    """Why it failed."""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class JobProgressed(JobEvent):
    """A job has reported how far it has come; see `asyncflow.report`.

    Where several were not read yet, the newest has taken their place.
    """

    attempt: int
    """The number of the attempt: 1 unless it was tried again."""

    done: float | None
    """How much is done, in whatever unit; None where that was not said."""

    total: float | None
    """How much there is to do, in the same unit; None where nobody knows."""

    message: str
    """What people are told; or ``""``."""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class JobFinished(JobEvent):
    """A job ended."""

    status: Status
    """Its final status: ``COMPLETED``, ``FAILED``, ..."""

    reason: str
    """Why it ended so, or why it ran where it could have been skipped; or ``""``."""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class SubmissionFinished(Event):
    """Every job of a submission ended."""

    status: SubmissionStatus
    """Its final status: ``COMPLETED``, ``FAILED`` or ``CANCELED``."""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class EntityEvent(Facts):
    """Something that happened to what there is, once it is durable."""

    entity_type: str
    """What it is: ``SCENARIO``, ``CYCLE``, ``SEQUENCE``, ``TASK``, ``DATA_NODE``,
    ``SUBMISSION``."""

    entity_id: str

    config_id: str | None
    """The id of its config; None where it has none, or nobody knows it any more."""

    at: datetime
    """When it was told, in UTC."""

    user: str | None = None
    """Who asked for it, as `asyncflow.acting_as` was told; of what a run does, its
    property ``submitted_by``. None where nobody was named, or another process did it."""

    def as_dict(self) -> dict[str, Any]:
        """Return its facts as plain data that JSON can hold; see `Event.as_dict`."""
        return _plain(self)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class EntityCreated(EntityEvent):
    """An entity was made."""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class EntityUpdated(EntityEvent):
    """Attributes of an entity were changed."""

    attributes: tuple[str, ...]
    """Which: ``"name"``, ``"tags"``, ``"last_edit_date"``, ..."""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class EntityDeleted(EntityEvent):
    """An entity was deleted."""


@cache
def _names(kind: type[Any]) -> tuple[str, ...]:
    return tuple(field.name for field in kind.__attrs_attrs__)


def _plain(event: Facts) -> dict[str, Any]:
    kind: Any = type(event)
    facts: dict[str, Any] = {"event": kind.__name__}

    for name in _names(kind):
        value = getattr(event, name)
        facts[name] = value if type(value) is str else plain(value)  # fast

    return facts
