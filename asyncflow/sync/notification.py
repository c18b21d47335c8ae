"""What happens to entities, as Taipy tells it: topics, and a queue for each of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from datetime import datetime
from enum import StrEnum
from queue import SimpleQueue
from typing import Any

import attrs

from asyncflow import ids
from asyncflow.config.checks.values import names_own_arguments
from asyncflow.errors import NotOpen, UsageError
from asyncflow.events import (
    EntityCreated,
    EntityEvent,
    EntityUpdated,
    JobAttemptFailed,
    JobFinished,
    JobPending,
    JobProgressed,
    JobStarted,
    SubmissionFinished,
    SubmissionStarted,
)
from asyncflow.events import Event as RunEvent
from asyncflow.log import logger as _logger
from asyncflow.notify.entities import told_by, type_of
from asyncflow.notify.listener import Listener, Notification
from asyncflow.status import Status
from asyncflow.sync.loop import Loop, Service
from asyncflow.sync.orchestrator import opened

MOST = 100_000
"""How many events wait in a queue that nobody reads."""


class EventEntityType(StrEnum):
    """What an event is of."""

    CYCLE = "CYCLE"
    SCENARIO = "SCENARIO"
    SEQUENCE = "SEQUENCE"
    TASK = "TASK"
    DATA_NODE = "DATA_NODE"
    JOB = "JOB"
    SUBMISSION = "SUBMISSION"


class EventOperation(StrEnum):
    """What has happened to it."""

    CREATION = "CREATION"
    UPDATE = "UPDATE"
    DELETION = "DELETION"
    SUBMISSION = "SUBMISSION"
    """A scenario, a sequence or a task was submitted here."""


_SUBMITTABLE = frozenset(
    {EventEntityType.SCENARIO, EventEntityType.SEQUENCE, EventEntityType.TASK}
)

_STATUSES: Mapping[type[RunEvent], Status] = {
    JobPending: Status.PENDING,
    JobAttemptFailed: Status.PENDING,
    JobStarted: Status.RUNNING,
}


@attrs.frozen(kw_only=True)
class Event:
    """Something that has happened to an entity."""

    entity_type: EventEntityType
    operation: EventOperation
    entity_id: str
    attribute_name: str | None = None
    """Which attribute was updated; None where it is no update."""
    attribute_value: Any = None
    """What it is now; None where that is to be asked of the entity."""
    metadata: Mapping[str, Any] = attrs.field(factory=dict[str, Any])
    """``"config_id"``: the id of its config, if that is known."""
    creation_date: datetime
    """When it happened, in UTC."""


@attrs.frozen
class Topic:
    """Which events are wanted; None for any.

    :raises UsageError: where there can be no such event
    """

    entity_type: EventEntityType | None = attrs.field(
        default=None, converter=attrs.converters.optional(EventEntityType)
    )
    entity_id: str | None = None
    operation: EventOperation | None = attrs.field(
        default=None, converter=attrs.converters.optional(EventOperation)
    )
    attribute_name: str | None = None

    def __attrs_post_init__(self) -> None:
        is_submission = self.operation is EventOperation.SUBMISSION

        if is_submission and self.entity_type not in {None, *_SUBMITTABLE}:
            raise UsageError(
                f"a {self.entity_type} is not submitted: of it there are CREATION, UPDATE "
                "and DELETION"
            )

        if self.attribute_name is not None and (
            self.operation not in (None, EventOperation.UPDATE)
        ):
            raise UsageError(
                f"{self.operation} is of no attribute: leave attribute_name out, or give "
                "operation=EventOperation.UPDATE"
            )

    def has(self, event: Event) -> bool:
        """Tell whether an event is wanted."""
        return (
            self.entity_type in (None, event.entity_type)
            and self.entity_id in (None, event.entity_id)
            and self.operation in (None, event.operation)
            and self.attribute_name in (None, event.attribute_name)
        )

    @property
    def is_of_runs(self) -> bool:
        """Whether what happens in runs may be of it."""
        if self.entity_type in _SUBMITTABLE:
            return self.operation in (None, EventOperation.SUBMISSION)

        return self.entity_type is not EventEntityType.CYCLE


@attrs.define(eq=False, repr=False)
class Registration(Listener):
    """Puts the events of some topics into a queue, as long as it is open.

    :param topics: they may become more
    """

    topics: list[Topic]
    queue: SimpleQueue[Event | None] = attrs.field(factory=SimpleQueue)
    """None in it says that nothing more will come."""
    _loop: Loop | None = attrs.field(init=False, default=None)
    _listening: AbstractAsyncContextManager[None] | None = attrs.field(
        init=False, default=None
    )
    _service: Service = attrs.field(init=False)
    _lost: int = attrs.field(init=False, default=0)

    def open(self, service: Service | None = None) -> None:
        """Have events put into the queue from now on.

        :param service: what reads it, and ends with the orchestrator; None for nobody
        """
        loop = opened().loop
        listening = loop.orchestrator.listen(self)
        loop.call(listening.__aenter__)
        self._loop, self._listening = loop, listening
        self._service = service or self
        loop.services.append(self._service)

    def stop(self) -> None:
        """Have no more put there, but what has happened by now."""
        loop, listening = self._loop, self._listening
        self._loop = self._listening = None

        if loop is None or listening is None:
            return

        loop.services.remove(self._service)

        with suppress(NotOpen):
            loop.call(listening.__aexit__, None, None, None)

        self.end(None)

    @property
    def wants_entities(self) -> bool:
        """True: it is told what happens to entities."""
        return True

    def wants(self, kind: type[RunEvent] | None) -> bool:
        """Tell whether such an event of a run tells something of its topics."""
        return kind not in (None, JobProgressed) and any(
            topic.is_of_runs for topic in self.topics
        )

    def entity_changed(self, event: EntityEvent) -> None:
        """Put the events that this is."""
        for change in _events(event):
            self._put(change)

    def take(self, notification: Notification) -> None:
        """Put what something in a run is to entities."""
        event = notification.event

        if isinstance(event, SubmissionStarted):
            self._put(_submitted(event))

        for changed in told_by(notification):
            for change in _events(changed, event):
                self._put(change)

    def end(self, failure: Exception | None) -> None:  # noqa: ARG002
        """Say that nothing more will come."""
        self.queue.put(None)

    def _put(self, event: Event) -> None:
        if not any(topic.has(event) for topic in self.topics):
            return

        if self.queue.qsize() < MOST:
            self.queue.put(event)
            return

        self._lost += 1

        if self._lost == 1:
            problem = (
                "nobody reads a queue of the Notifier: beyond %s events, none is kept"
            )
            _logger.warning(problem, MOST)


class Notifier:
    """Gives queues of what happens to entities, also by other processes on the store."""

    _open: dict[str, Registration] = {}  # noqa: RUF012  # one for all, as its methods

    @staticmethod
    @names_own_arguments
    def register(
        entity_type: EventEntityType | str | None = None,
        entity_id: str | None = None,
        operation: EventOperation | str | None = None,
        attribute_name: str | None = None,
    ) -> tuple[str, SimpleQueue[Event | None]]:
        """Have events put into a queue from now on; None takes any.

        The queue ends with the orchestrator: then None is in it. An event that nobody
        takes stays there; of very many, the last ones are dropped, with a warning.

        :return: an id for `unregister`, and the queue
        :raises UsageError: where there can be no such event
        """
        topic = Topic(entity_type, entity_id, operation, attribute_name)
        registration = Registration([topic])
        registration.open()
        key = f"REGISTRATION_{ids.new_key()}"
        Notifier._open[key] = registration
        return key, registration.queue

    @staticmethod
    @names_own_arguments
    def unregister(registration_id: str) -> None:
        """Have no more events put into a queue.

        :raises ValueError: where there is none of this id
        """
        if (registration := Notifier._open.pop(registration_id, None)) is None:
            raise ValueError(f"{registration_id!r} is no id that register() has given")

        registration.stop()


def _events(changed: EntityEvent, cause: RunEvent | None = None) -> Iterator[Event]:
    """Make the events of what has happened to an entity: one for each attribute.

    :param cause: what has happened in a run
    """
    facts: dict[str, Any] = {
        "entity_type": EventEntityType(changed.entity_type),
        "entity_id": changed.entity_id,
        "metadata": {}
        if changed.config_id is None
        else {"config_id": changed.config_id},
        "creation_date": changed.at,
    }

    if isinstance(changed, EntityUpdated):
        for name in changed.attributes:
            yield Event(
                operation=EventOperation.UPDATE,
                attribute_name=name,
                attribute_value=_value(name, cause),
                **facts,
            )
    elif isinstance(changed, EntityCreated):
        yield Event(operation=EventOperation.CREATION, **facts)
    else:
        yield Event(operation=EventOperation.DELETION, **facts)


def _value(attribute: str, cause: RunEvent | None) -> Any:
    """Return what an attribute is, if what has happened in a run tells it."""
    if attribute == "submission_status" and isinstance(cause, SubmissionFinished):
        return cause.status

    if attribute != "status" or cause is None:
        return None

    return (
        cause.status if isinstance(cause, JobFinished) else _STATUSES.get(type(cause))
    )


def _submitted(event: SubmissionStarted) -> Event:
    entity_id = event.entity_id
    has_config = ids.kind_of(entity_id) == ids.SCENARIO
    return Event(
        entity_type=EventEntityType(type_of(entity_id)),
        operation=EventOperation.SUBMISSION,
        entity_id=entity_id,
        metadata={"config_id": ids.config_of(entity_id)} if has_config else {},
        creation_date=event.at,
    )
