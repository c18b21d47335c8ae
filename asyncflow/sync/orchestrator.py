"""The blocking orchestrator."""

from __future__ import annotations

import atexit
import concurrent.futures.thread as _thread
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import datetime
from functools import partial
from operator import attrgetter
from types import TracebackType
from typing import Any, Self, TypeVar, overload

import attrs
from anyio import move_on_after

from asyncflow import ids
from asyncflow.abc import Store
from asyncflow.config import Config, Configuration
from asyncflow.config.checks.values import (
    id_of,
    id_of_kind,
    names_arguments_beside,
    verbs_name_arguments,
)
from asyncflow.config.section import names_of
from asyncflow.config.sections import DataNodeConfig, JobConfig, ScenarioConfig, T
from asyncflow.entities.difference import ScenarioDiff
from asyncflow.entities.handle import Parents
from asyncflow.entities.reasons import Reasons
from asyncflow.entities.scenario import Scenario as AsyncScenario
from asyncflow.entities.statistics import Statistics
from asyncflow.errors import NotOpen, UsageError
from asyncflow.events import EntityEvent, Event
from asyncflow.notify.stream import EventStream
from asyncflow.orchestrator import BUFFER
from asyncflow.orchestrator import Orchestrator as AsyncOrchestrator
from asyncflow.records import SubmissionRecord
from asyncflow.runtime.checks import fixed
from asyncflow.sync.callback import Callback
from asyncflow.sync.cycle import Cycle
from asyncflow.sync.data_node import DataNode
from asyncflow.sync.forms import blocking
from asyncflow.sync.forwarding import wrap_parents
from asyncflow.sync.given import handle_of
from asyncflow.sync.handles import Job, Sequence, Submission, Task
from asyncflow.sync.loop import Loop, each, not_running
from asyncflow.sync.scenario import Entity, Scenario, handle
from asyncflow.worker import current, local_modules

E = TypeVar("E", bound=Event | EntityEvent)

_given = attrgetter("adopt", "folder", "version", "values", "values_options")
_running: Orchestrator | None = None
_starting = threading.Lock()
_is_hooked = False
_earlier_hook = _thread
"""Users' jobs may need its threads: loaded here, its exit hook comes after ours."""


@verbs_name_arguments
@names_arguments_beside("Config.configure_job_executions()", names_of(JobConfig))
@attrs.define(eq=False, repr=False, on_setattr=fixed)
class Orchestrator:
    """Runs scenarios on an event loop in a background thread.

    ``run()`` it and ``stop()`` it, or use it with ``with``: leaving the block waits for
    the runs, leaving it by an error cancels them. One that still runs when the program
    ends is stopped then, after its runs have ended.

    Ctrl-C ends what the program does, not a run. If it ends the program, what runs has
    the time to end that `configure_job_executions` calls ``shutdown_grace``; a further
    Ctrl-C kills it at once. What has not ended then goes on at the next start.

    The parameters are those of `asyncflow.Orchestrator`.

    :param config: what is declared; None for the default `Config`
    """

    config: Configuration | None = None
    store: Store | str | os.PathLike[str] | None = None
    adopt: bool | Callable[[SubmissionRecord], bool] = True
    folder: str | os.PathLike[str] | None = None
    version: str | None = None
    values: str | os.PathLike[str] | None = None
    values_options: Mapping[str, Any] | None = None
    _loop: Loop | None = attrs.field(init=False, default=None)

    def __repr__(self) -> str:
        if self._loop is not None and self._loop.is_open:
            return f"asyncflow.sync.{self._loop.orchestrator!r}"

        store = self.store

        if isinstance(store, str) and ("://" in store or "=" in store):
            store = store.partition(":")[0] if "://" in store else "..."  # no secrets

        mode = (Config if self.config is None else self.config).job_config.mode
        return f"asyncflow.sync.Orchestrator(store={store!r}, mode={mode!r}, is_open=False)"

    @property
    def is_running(self) -> bool:
        """Whether scenarios can be created and submitted."""
        return self._loop is not None and self._loop.is_open

    @property
    def max_nb_of_workers(self) -> int:
        """How many jobs run at once; see `asyncflow.Orchestrator.max_nb_of_workers`."""
        return self._opened().orchestrator.max_nb_of_workers

    @max_nb_of_workers.setter
    def max_nb_of_workers(self, count: int) -> None:
        """Change it; see `asyncflow.Orchestrator.max_nb_of_workers`."""
        loop = self._opened()
        loop.call(partial(setattr, loop.orchestrator, "max_nb_of_workers", count))

    def run(self, force_restart: bool = False) -> None:
        """Start it: from here on the verbs of this module work.

        Where one with the same configuration and store runs already, as after a cell of
        a notebook was run again, this one becomes another handle on it.

        :param force_restart: stop one that runs, after its runs have ended, before
        :raises ConfigError: with everything that is wrong with the configuration
        :raises UsageError: where one with others, or in another mode, runs already
        """
        if force_restart and _running is not None:
            _running.stop()

        self._run(joins=True)

    def _run(self, *, joins: bool) -> None:
        """Start it.

        :param joins: whether it may become a handle on one that runs
        """
        global _running

        if local_modules.take_importing() and current.is_worker and joins:
            return  # a worker imports the module: the program itself is elsewhere

        with _starting:
            if _running is not None and _running.is_running:
                if joins and _running._is_like(self):
                    self._loop = _running._opened().checked()
                    return

                raise UsageError(
                    "an asyncflow.sync.Orchestrator runs already in this process"
                    + ("" if joins else ", and leaving this block would stop it")
                    + ": use its verbs, as `asyncflow.sync.create_scenario(...)`, or "
                    "`asyncflow.sync.stop()` it first"
                )

            config = Config if self.config is None else self.config
            given = (config, self.store, *_given(self))
            self._loop = Loop.open(AsyncOrchestrator(*given))
            _running = self
            _stop_at_exit()

    def stop(self, wait: bool = True, timeout: float | None = None) -> None:
        """Stop it; do nothing where it does not run. Afterwards its workers are gone.

        Ctrl-C while it waits for the runs raises, and it goes on running.

        :param wait: let the submitted runs end first; otherwise they are cancelled, or
            interrupted after a Ctrl-C
        :param timeout: how many seconds the runs have to end before they are cancelled;
            None gives them as long as they take
        """
        if self.is_running and wait:
            loop = self._opened()
            loop.call(_drain, loop.orchestrator, timeout)

        self._close(None)

    def create_scenario(
        self,
        config: ScenarioConfig | str,
        creation_date: datetime | None = None,
        name: str | None = None,
        *,
        exist_ok: bool = False,
        inputs: Mapping[Any, Any] | None = None,
        properties: Mapping[str, Any] | None = None,
        **keywords: Any,
    ) -> Scenario:
        """Create a scenario; see `asyncflow.Orchestrator.create_scenario`."""
        loop = self._opened()
        made = loop.call(
            loop.orchestrator.create_scenario,
            config,
            creation_date,
            name,
            exist_ok=exist_ok,
            inputs=inputs,
            properties=properties,
            **keywords,
        )
        return Scenario(made, loop)

    def get(self, entity_id: str) -> Entity:
        """Return an entity; see `asyncflow.Orchestrator.get`."""
        loop = self._opened()
        return handle(loop.call(loop.orchestrator.get, entity_id), loop)

    @blocking(AsyncOrchestrator.exists)
    def exists(self) -> None:
        """See the async verb."""

    def create_global_data_node(self, config: DataNodeConfig[T] | str) -> DataNode[T]:
        """Return a shared data node; see the async verb."""
        loop = self._opened()
        made = loop.call(loop.orchestrator.create_global_data_node, config)
        return DataNode(made, loop)

    def get_scenario(self, scenario_id: str) -> Scenario:
        """Return a scenario; see `asyncflow.Orchestrator.get_scenario`."""
        loop = self._opened()
        return Scenario(loop.call(loop.orchestrator.get_scenario, scenario_id), loop)

    def get_submission(self, submission_id: str) -> Submission:
        """Return a submission; see `asyncflow.Orchestrator.get_submission`."""
        loop = self._opened()
        return Submission(
            loop.call(loop.orchestrator.get_submission, submission_id), loop
        )

    def get_job(self, job_id: str) -> Job:
        """Return a job; see `asyncflow.Orchestrator.get_job`."""
        loop = self._opened()
        return Job(loop.call(loop.orchestrator.get_job, job_id), loop)

    def get_cycle(self, cycle_id: str) -> Cycle:
        """Return a cycle; see `asyncflow.Orchestrator.get_cycle`."""
        loop = self._opened()
        return Cycle(loop.call(loop.orchestrator.get_cycle, cycle_id), loop)

    def get_primary(self, cycle: Cycle | str) -> Scenario | None:
        """Return its primary scenario; see `asyncflow.Orchestrator.get_primary`."""
        loop, cycle_id = self._opened(), id_of_kind(cycle, ids.CYCLE)
        found = loop.call(loop.orchestrator.get_primary, cycle_id)
        return None if found is None else Scenario(found, loop)

    def set_primary(self, scenario: Scenario | str) -> None:
        """Make a scenario primary; see `asyncflow.Scenario.set_primary`."""
        handle_of(self, scenario, ids.SCENARIO).set_primary()

    def diff(self, one: Scenario | str, other: Scenario | str) -> ScenarioDiff:
        """Return what both have otherwise; see `asyncflow.Orchestrator.diff`."""
        loop = self._opened()
        pair = (id_of_kind(each, ids.SCENARIO) for each in (one, other))
        return loop.call(loop.orchestrator.diff, *pair)

    def import_scenario(
        self,
        path: str | os.PathLike[str],
        *,
        paths: Mapping[Any, str | os.PathLike[str]] | None = None,
    ) -> Scenario:
        """Make a scenario of a file; see `asyncflow.Orchestrator.import_scenario`."""
        loop = self._opened()
        made = loop.call(loop.orchestrator.import_scenario, path, paths=paths)
        return Scenario(made, loop)

    def is_promotable(self, scenario: Scenario | str) -> Reasons:
        """Tell whether it can be primary; see `asyncflow.Orchestrator.is_promotable`."""
        loop = self._opened()
        return loop.call(loop.orchestrator.is_promotable, id_of(scenario))

    def is_deletable(
        self, entity: Scenario | Submission | Job | Cycle | str
    ) -> Reasons:
        """Tell whether it can be deleted; see `asyncflow.Orchestrator.is_deletable`."""
        loop = self._opened()
        return loop.call(loop.orchestrator.is_deletable, id_of(entity))

    def is_submittable(self, entity: Scenario | Sequence | Task | str) -> Reasons:
        """Tell whether it can be submitted; see the async verb."""
        loop = self._opened()
        return loop.call(loop.orchestrator.is_submittable, id_of(entity))

    def is_editable(self, entity: Entity | str) -> Reasons:
        """Tell whether it can be changed; see `asyncflow.Orchestrator.is_editable`."""
        loop = self._opened()
        return loop.call(loop.orchestrator.is_editable, id_of(entity))

    def is_readable(self, entity: Entity | str) -> Reasons:
        """Tell whether it is there; see `asyncflow.Orchestrator.is_readable`."""
        loop = self._opened()
        return loop.call(loop.orchestrator.is_readable, id_of(entity))

    def can_create(self, config: object = None) -> Reasons:
        """Tell whether it can be created; see `asyncflow.Orchestrator.can_create`."""
        return self._opened().orchestrator.can_create(config)

    def delete_job(self, job: Job | str, force: bool = False) -> None:
        """Delete a job; see `asyncflow.Orchestrator.delete_job`."""
        job_id = id_of_kind(job, ids.JOB)
        self._opened().call(self.loop.orchestrator.delete_job, job_id, force)

    @blocking(AsyncOrchestrator.delete_jobs)
    def delete_jobs(self) -> None:
        """See the async verb."""

    @blocking(AsyncOrchestrator.cycles)
    def cycles(self) -> None:
        """See the async verb."""

    @blocking(AsyncOrchestrator.delete)
    def delete(self) -> None:
        """See the async verb."""

    @blocking(AsyncOrchestrator.clean_all_entities)
    def clean_all_entities(self) -> None:
        """See the async verb."""

    @blocking(AsyncOrchestrator.prune)
    def prune(self) -> None:
        """See the async verb."""

    def get_parents(self, entity: Entity | str) -> Parents:
        """Return what it is a part of; see `asyncflow.Orchestrator.get_parents`."""
        loop = self._opened()
        found = loop.call(loop.orchestrator.get_parents, id_of(entity))
        return wrap_parents(found, loop)

    @blocking(AsyncOrchestrator.scenarios)
    def scenarios(self) -> None:
        """See the async verb."""

    @blocking(AsyncOrchestrator.data_nodes)
    def data_nodes(self) -> None:
        """See the async verb."""

    @blocking(AsyncOrchestrator.submissions)
    def submissions(self) -> None:
        """See the async verb."""

    @blocking(AsyncOrchestrator.versions)
    def versions(self) -> None:
        """See the async verb."""

    @blocking(AsyncOrchestrator.jobs)
    def jobs(self) -> None:
        """See the async verb."""

    def compare(
        self, *scenarios: Scenario | str, data_node: DataNodeConfig | str | None = None
    ) -> dict[str, dict[str, Any]]:
        """Compare scenarios; see `asyncflow.Orchestrator.compare`."""
        loop = self._opened()
        given = [id_of_kind(scenario, ids.SCENARIO) for scenario in scenarios]
        return loop.call(
            partial(loop.orchestrator.compare, *given, data_node=data_node)
        )

    def cancel(self, what: Submission | Job, reason: str | None = None) -> bool:
        """Ask for the end of a run or a job; see `asyncflow.Orchestrator.cancel`."""
        loop = self._opened()
        inner = handle_of(self, what, ids.SUBMISSION, ids.JOB)._inner
        return loop.call(loop.orchestrator.cancel, inner, reason=reason)

    def on(
        self, function: Callable[[E], object], *kinds: type[E]
    ) -> Callable[[], None]:
        """Have a function called with each event; see `asyncflow.Orchestrator.on`."""
        loop = self._opened()
        return partial(loop.call, loop.call(loop.orchestrator.on, function, *kinds))

    def subscribe_scenario(
        self,
        callback: Callable[..., object],
        params: Iterable[object] | None = None,
        scenario: Scenario | None = None,
    ) -> None:
        """Have a function called; see `asyncflow.Orchestrator.subscribe_scenario`."""
        loop = self._opened()
        subscribe = loop.orchestrator.subscribe_scenario
        loop.call(subscribe, Callback(callback, loop), params, _inner(self, scenario))

    def unsubscribe_scenario(
        self,
        callback: Callable[..., object],
        params: Iterable[object] | None = None,
        scenario: Scenario | None = None,
    ) -> None:
        """End a subscription; see `asyncflow.Orchestrator.unsubscribe_scenario`."""
        loop = self._opened()
        unsubscribe = loop.orchestrator.unsubscribe_scenario
        loop.call(unsubscribe, Callback(callback, loop), params, _inner(self, scenario))

    @overload
    def events(
        self, *, buffer: int = BUFFER
    ) -> AbstractContextManager[Iterator[Event]]: ...

    @overload
    def events(
        self, *kinds: type[E], buffer: int = BUFFER
    ) -> AbstractContextManager[Iterator[E]]: ...

    @contextmanager
    def events(
        self, *kinds: type[Any], buffer: int = BUFFER
    ) -> Iterator[Iterator[Any]]:
        """Give the events of every run; see `asyncflow.Orchestrator.events`."""
        loop = self._opened()
        listen: Callable[..., EventStream[Any]] = loop.orchestrator.events
        stream = loop.call(listen, *kinds, buffer=buffer)
        loop.call(stream.__aenter__)

        try:
            yield each(stream, loop)
        finally:
            with suppress(NotOpen):  # it was stopped meanwhile, and the stream with it
                loop.call(stream.__aexit__, None, None, None)

    def statistics(self) -> Statistics:
        """Say in numbers what goes on; see `asyncflow.Orchestrator.statistics`."""
        return self._opened().call(self.loop.orchestrator.statistics)

    @blocking(AsyncOrchestrator.workers)
    def workers(self) -> None:
        """See the async verb."""

    def _close(self, error: BaseException | None) -> None:
        with _starting:
            if self._loop is not None and self._loop.is_open:
                self._loop.close(error)

    @property
    def loop(self) -> Loop:
        """The event loop of its verbs. For this face."""
        return self._opened()

    def _opened(self) -> Loop:
        if self._loop is None:
            raise not_running()

        return self._loop

    def _is_like(self, other: Orchestrator) -> bool:
        same = self.config is other.config and self.store == other.store
        return same and _given(self) == _given(other)

    def __enter__(self) -> Self:
        self._run(joins=False)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            self.stop()
        else:
            self._close(error)


async def _drain(orchestrator: AsyncOrchestrator, timeout: float | None) -> None:
    with move_on_after(timeout), suppress(NotOpen):  # SIGTERM is closing it already
        await orchestrator.drain()


def _inner(owner: Orchestrator, scenario: Scenario | None) -> AsyncScenario | None:
    return handle_of(owner, scenario, ids.SCENARIO)._inner if scenario else None


def running() -> Orchestrator | None:
    """Return the orchestrator that runs in this process; None where none does."""
    return _running


def opened() -> Orchestrator:
    """Return the orchestrator that runs in this process, or has run last; open one with
    the default configuration where none has run yet.
    """
    if _running is None:
        Orchestrator().run()

    if _running is None:  # a worker imports a module that calls a verb
        raise not_running()

    return _running


def _stop_at_exit() -> None:
    """Have what still runs at the end of the program stopped.

    Not by `atexit`: its functions must not start threads (so its documentation since
    3.12), as the last jobs may need. This hook, which `concurrent.futures` uses, comes
    before that, in the main thread, where Ctrl-C arrives.
    """
    global _is_hooked

    if not _is_hooked:
        getattr(threading, "_register_atexit", atexit.register)(_stop_running)
        _is_hooked = True


def _stop_running() -> None:
    if _running is None:
        return

    # Ctrl-C has ended the program; in an interactive session it was some earlier verb.
    error = getattr(sys, "last_value", None)

    if isinstance(error, KeyboardInterrupt) and not hasattr(sys, "ps1"):
        _running._close(error)
        return

    try:
        _running.stop()
    except KeyboardInterrupt as interrupt:
        _running._close(interrupt)
