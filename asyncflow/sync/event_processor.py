"""Functions that are called for what happens to entities, in a thread of their own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Self, TypeAlias

import attrs

from asyncflow.config.checks.arguments import several
from asyncflow.config.checks.values import verbs_name_arguments
from asyncflow.config.sections import DataNodeConfig, ScenarioConfig, TaskConfig
from asyncflow.errors import NotFound, UsageError
from asyncflow.log import logger as _logger
from asyncflow.sync.data_node import DataNode
from asyncflow.sync.handles import Submission
from asyncflow.sync.notification import (
    Event,
    EventEntityType,
    EventOperation,
    Registration,
    Topic,
)
from asyncflow.sync.orchestrator import opened
from asyncflow.sync.scenario import Entity

GRACE = 5.0
"""How long the end of a processor waits for the function that runs, in seconds."""

Section: TypeAlias = ScenarioConfig | DataNodeConfig | TaskConfig
Configs: TypeAlias = str | Section | Sequence[str | Section] | None
Find: TypeAlias = Callable[[Event], tuple[Any, ...] | None]
"""Finds what a function is given after the event; None where it is not to be called."""


@attrs.define(eq=False, repr=False)
class Call:
    """A function, and what it is called for."""

    function: Callable[..., object]
    topic: Topic
    given: tuple[Any, ...]
    find: Find
    failures: int = attrs.field(init=False, default=0)

    def __str__(self) -> str:
        return getattr(self.function, "__qualname__", None) or repr(self.function)

    def make(self, event: Event) -> None:
        """Call it, where the event is one that it is for. What it raises is logged, once.

        However often it fails, the others are called.
        """
        if not self.topic.has(event):
            return

        try:
            found = self.find(event)

            if found is not None:
                self.function(event, *found, *self.given)
        except NotFound as error:
            if error.entity_id != event.entity_id:  # else it has gone since
                self._failed(event, error)
        except (Exception, SystemExit) as error:
            self._failed(event, error)

    def _failed(self, event: Event, error: BaseException) -> None:
        self.failures += 1

        if self.failures == 1:
            problem = (
                "the callback %s failed for %s of %s; it is called again for others"
            )
            where = (self, event.operation, event.entity_id)
            _logger.error(problem, *where, exc_info=error)


@verbs_name_arguments
class EventProcessor:
    """Calls functions for what happens to entities, also by other processes.

    From `start` to `stop`, or to the end of the orchestrator, they are called one after the
    other, in the order of the events, in a thread of the processor's own; a function may
    call any verb. What one raises is logged, the first time with its traceback, and harms
    nobody.

    :param gui: there is none here
    :raises UsageError: where one is given
    """

    def __init__(self, gui: None = None) -> None:
        if gui is not None:
            raise UsageError("asyncflow has no GUI: make an EventProcessor without one")

        self._calls: list[Call] = []
        self._registration: Registration | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to call them: for what happens from now on."""
        if self._thread is not None and self._thread.is_alive():
            raise UsageError("this EventProcessor is started already")

        topics = [call.topic for call in self._calls]
        self._registration = registration = Registration(topics)
        self._thread = threading.Thread(
            target=self._run, args=(registration,), name="asyncflow events"
        )
        registration.open(self)
        self._thread.start()

    def stop(self) -> None:
        """Return when they have been called for all that has happened, and no more are."""
        registration, thread = self._registration, self._thread
        self._registration = None

        if registration is None or thread is None:
            return

        registration.stop()

        if thread is not threading.current_thread():
            thread.join(GRACE)

            if thread.is_alive():
                _logger.warning("nobody waits any longer for the callbacks of events")

    def on_event(
        self,
        callback: Callable[..., object],
        callback_args: Iterable[Any] | None = None,
        entity_type: EventEntityType | str | None = None,
        entity_id: str | None = None,
        operation: EventOperation | str | None = None,
        attribute_name: str | None = None,
        filter: Callable[[Event], bool] | None = None,
    ) -> Self:
        """Have a function called as ``callback(event, *callback_args)``.

        :param filter: tells for which of these events; None for all
        :raises UsageError: where there can be no such event
        """
        topic = Topic(entity_type, entity_id, operation, attribute_name)

        def find(event: Event) -> tuple[Any, ...] | None:
            return () if filter is None or filter(event) else None

        return self._add(callback, callback_args, topic, find)

    def on_scenario_created(
        self,
        callback: Callable[..., object],
        callback_args: Iterable[Any] | None = None,
        scenario_config: Configs = None,
    ) -> Self:
        """Have a function called as ``callback(event, scenario, *callback_args)``.

        :param scenario_config: of which configs, or their ids; None for all
        """
        topic = Topic(EventEntityType.SCENARIO, operation=EventOperation.CREATION)
        return self._add(callback, callback_args, topic, _found(scenario_config))

    def on_scenario_deleted(
        self,
        callback: Callable[..., object],
        callback_args: Iterable[Any] | None = None,
        scenario_config: Configs = None,
    ) -> Self:
        """Have a function called as ``callback(event, scenario_id, *callback_args)``.

        :param scenario_config: of which configs, or their ids; None for all
        """
        topic = Topic(EventEntityType.SCENARIO, operation=EventOperation.DELETION)
        return self._add(callback, callback_args, topic, _gone(scenario_config))

    def on_datanode_created(
        self,
        callback: Callable[..., object],
        callback_args: Iterable[Any] | None = None,
        datanode_config: Configs = None,
    ) -> Self:
        """Have a function called as ``callback(event, datanode, *callback_args)``.

        :param datanode_config: of which configs, or their ids; None for all
        """
        topic = Topic(EventEntityType.DATA_NODE, operation=EventOperation.CREATION)
        return self._add(callback, callback_args, topic, _found(datanode_config))

    def on_datanode_written(
        self,
        callback: Callable[..., object],
        callback_args: Iterable[Any] | None = None,
        datanode_config: Configs = None,
    ) -> Self:
        """Have a function called as ``callback(event, datanode, data, *callback_args)``.

        The data is what the data node has when the function is called.

        :param datanode_config: of which configs, or their ids; None for all
        """
        topic = Topic(
            EventEntityType.DATA_NODE, None, EventOperation.UPDATE, "last_edit_date"
        )
        return self._add(callback, callback_args, topic, _written(datanode_config))

    def on_datanode_deleted(
        self,
        callback: Callable[..., object],
        callback_args: Iterable[Any] | None = None,
        datanode_config: Configs = None,
    ) -> Self:
        """Have a function called as ``callback(event, datanode_id, *callback_args)``.

        :param datanode_config: of which configs, or their ids; None for all
        """
        topic = Topic(EventEntityType.DATA_NODE, operation=EventOperation.DELETION)
        return self._add(callback, callback_args, topic, _gone(datanode_config))

    def on_submission_finished(
        self,
        callback: Callable[..., object],
        callback_args: Iterable[Any] | None = None,
        config_ids: Configs = None,
    ) -> Self:
        """Have a function called as ``callback(event, entity, submission,
        *callback_args)``, with what was submitted.

        :param config_ids: of which configs of what was submitted, or their ids; None for
            all
        """
        topic = Topic(
            EventEntityType.SUBMISSION, None, EventOperation.UPDATE, "submission_status"
        )
        return self._add(callback, callback_args, topic, _finished(config_ids))

    def _add(
        self,
        function: Callable[..., object],
        given: Iterable[Any] | None,
        topic: Topic,
        find: Find,
    ) -> Self:
        if not callable(function):
            raise TypeError(f"a callback is a function; got {function!r}")

        self._calls.append(Call(function, topic, several("callback_args", given), find))

        if self._registration is not None:
            self._registration.topics.append(topic)

        return self

    def _run(self, registration: Registration) -> None:
        while (event := registration.queue.get()) is not None:
            for call in list(self._calls):
                call.make(event)

        for call in self._calls:
            if call.failures > 1:
                problem = "the callback %s failed %s times more"
                _logger.error(problem, call, call.failures - 1)

            call.failures = 0


def _ids(configs: Configs) -> frozenset[str] | None:
    if configs is None:
        return None

    many = [configs] if isinstance(configs, str | Section) else configs
    return frozenset(
        entity if isinstance(entity, str) else entity.id for entity in many
    )


def _is_of(event: Event, wanted: frozenset[str] | None) -> bool:
    return wanted is None or event.metadata.get("config_id") in wanted


def _found(configs: Configs) -> Find:
    """Find the entity."""
    wanted = _ids(configs)

    def find(event: Event) -> tuple[Entity] | None:
        return (opened().get(event.entity_id),) if _is_of(event, wanted) else None

    return find


def _gone(configs: Configs) -> Find:
    """Find the id alone."""
    wanted = _ids(configs)

    def find(event: Event) -> tuple[str] | None:
        return (event.entity_id,) if _is_of(event, wanted) else None

    return find


def _written(configs: Configs) -> Find:
    """Find the data node, and its value."""
    entity = _found(configs)

    def find(event: Event) -> tuple[Any, ...] | None:
        if (found := entity(event)) is None:
            return None

        (node,) = found
        assert isinstance(node, DataNode)
        return node, node.read()

    return find


def _finished(configs: Configs) -> Find:
    """Find the submission that has ended, after what was submitted."""
    wanted = _ids(configs)

    def find(event: Event) -> tuple[Any, ...] | None:
        submission = opened().get(event.entity_id)
        assert isinstance(submission, Submission)

        if not submission.is_finished or not (
            wanted is None or submission.entity_config_id in wanted
        ):
            return None

        return submission.entity, submission

    return find
