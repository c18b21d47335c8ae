"""The orchestrator: every verb that users have.

What it opens, and how it closes that, is in `runtime/session.py`; what the verbs do is in
`runtime/engine.py`.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, Self, Unpack, overload

import attrs

from asyncflow import ids
from asyncflow.abc import Executor, Store, WorkerInfo
from asyncflow.background import enter_meanwhile
from asyncflow.config import Config, Configuration
from asyncflow.config.checks.numbers import check_page
from asyncflow.config.checks.values import (
    check_id,
    id_of,
    id_of_kind,
    known_status,
    names_arguments_beside,
    verbs_name_arguments,
)
from asyncflow.config.section import names_of
from asyncflow.config.sections import (
    NOT_GIVEN,
    DataNodeConfig,
    JobConfig,
    NotGiven,
    ScenarioConfig,
    T,
)
from asyncflow.errors import NotFound, UsageError
from asyncflow.gc_pause import pause_gc
from asyncflow.options import OnFailure, Page, RunOptions
from asyncflow.runtime import checks
from asyncflow.runtime.session import Session
from asyncflow.runtime.wiring import as_folder, as_store, as_values, as_values_options
from asyncflow.status import Status, SubmissionStatus
from asyncflow.worker.errors import not_passed_on

if TYPE_CHECKING:
    from asyncflow.entities.cycle import Cycle
    from asyncflow.entities.data_node import DataNode
    from asyncflow.entities.difference import ScenarioDiff
    from asyncflow.entities.handle import Parents
    from asyncflow.entities.job import Job
    from asyncflow.entities.reasons import Reasons
    from asyncflow.entities.scenario import Scenario
    from asyncflow.entities.sequence import Sequence
    from asyncflow.entities.statistics import Statistics
    from asyncflow.entities.submission import Submission
    from asyncflow.entities.submittable import Submittable
    from asyncflow.entities.task import Task
    from asyncflow.events import Event
    from asyncflow.notify.listener import Listener
    from asyncflow.notify.stream import E, EventStream, F, G
    from asyncflow.records import (
        CycleRecord,
        DataNodeRecord,
        JobRecord,
        LabelRecord,
        Pruned,
        ScenarioRecord,
        SubmissionRecord,
    )
    from asyncflow.recovery.loader import Entity
    from asyncflow.runtime.engine import Engine
    from asyncflow.runtime.open import Opening
    from asyncflow.runtime.submission_listing import SubmissionFilters

BUFFER = 1000
"""How many events are held for a reader."""

_SYNC = (
    "an Orchestrator is opened with `async with` in an async function; "
    "`asyncflow.sync.Orchestrator` is the one for `with`, `run()` and `stop()`"
)


@verbs_name_arguments
@names_arguments_beside("Config.configure_job_executions()", names_of(JobConfig))
@attrs.define(eq=False, repr=False, on_setattr=[attrs.setters.convert, checks.fixed])
class Orchestrator:
    """Open with ``async with``; then create scenarios and submit them.

    Opening it adopts the runs of orchestrators on the same store that were killed: what
    had completed stays, the rest goes on here. Those whose scenario config is not
    declared here, or has other tasks now, are left alone.

    Leaving it cancels the runs that have not ended, and returns when their workers are
    dead: ``await drain()`` first to have them end by themselves. Adopted runs are not
    cancelled: who opens the store next adopts them.

    The same holds for all runs if it is interrupted: if its task is cancelled, or if it
    is left, however, after a SIGINT (Ctrl-C) or a SIGTERM. After these what runs has the
    time to end that `configure_job_executions` calls ``shutdown_grace``; a further signal
    kills it at once.

    :param config: what is declared
    :param store: where records and values are kept: a `Store`, the path of an SQLite
        file, the ``postgresql://`` address of a database, or ``":memory:"``, where they
        last as long as it is open. None is what the environment variable
        ``ASYNCFLOW_STORE`` says, or else ``.asyncflow/asyncflow.db`` in the current
        directory; ``~`` in a path is the user's home
    :param adopt: whether it goes on with runs that other processes have left unfinished;
        a function is asked for the record of each, and tells. What is not adopted stays
        for others
    :param folder: where relative paths of data nodes begin; None for the directory in
        which it is opened
    :param version: the version of the application: new scenarios get it, and lists show
        those that have it; see `Configuration.configure_core`. None is what that says, or
        none: lists show all
    :param values: where large values are kept, for hosts that share no folder: an
        address of fsspec, such as ``s3://bucket/prefix``, or a folder. None is what the
        environment variable ``ASYNCFLOW_VALUES`` says, or `Configuration.configure_core`,
        or else a folder beside the store
    :param values_options: parameters of fsspec's file system for that address, such as
        ``key`` and ``secret``; they are never stored
    :raises UsageError: where the address of a store is none that is known
    """

    config: Configuration = Config
    store: Store = attrs.field(default=None, converter=as_store)
    adopt: bool | Callable[[SubmissionRecord], bool] = True
    folder: str | None = attrs.field(default=None, converter=as_folder)
    version: str | None = None
    values: str | None = attrs.field(default=None, converter=as_values)
    values_options: Mapping[str, Any] | None = attrs.field(
        default=None, converter=as_values_options
    )
    _session: Session = attrs.field(init=False, on_setattr=attrs.setters.NO_OP)

    def __attrs_post_init__(self) -> None:
        checks.check_arguments(self.config, self.adopt, self.version)
        given = (self.config, self.store, self.adopt)
        self._session = Session(
            *(*given, _open_engine),
            folder=self.folder,
            version=self.version,
            values=self.values,
            values_options=self.values_options,
        )

    def __repr__(self) -> str:
        jobs = self._session.jobs if self.is_open else self.config.job_config
        return (
            f"Orchestrator(store={self.store!r}, mode={jobs.mode!r}, "
            f"is_open={self.is_open})"
        )

    def __reduce__(self) -> NoReturn:
        raise not_passed_on(self)

    async def __aenter__(self) -> Self:
        """Open the store and the executors.

        :raises ConfigError: with everything that is wrong with the configuration
        :raises StoreFailed: where the store cannot be opened, or read
        :raises UsageError: where it cannot work: it is open already, on another event
            loop than asyncio's, inside a worker process
        """
        await self._session.enter()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._session.leave(kind)

    async def open(self) -> Self:
        """Open it where no block can be around its use, as in a notebook; then `close`.

        :raises ConfigError: with everything that is wrong with the configuration
        :raises StoreFailed: where the store cannot be opened, or read
        :raises UsageError: as entering it
        """
        return await self.__aenter__()

    async def close(self) -> None:
        """Close it, as leaving its block does: runs that have not ended are cancelled.

        Does nothing where it is closed already.
        """
        if self._session.is_entered:
            await self._session.leave(None)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> NoReturn:
            from asyncflow.entities.remedies import of_orchestrator

            is_sync = name in ("run", "start", "stop")
            hint = _SYNC if is_sync else of_orchestrator(name, dir(type(self)))
            what = f"an Orchestrator has no attribute {name!r}"
            what = f"{what}: {hint}" if hint else what
            raise AttributeError(what, name=name, obj=self)

    def __enter__(self) -> NoReturn:
        """Refuse to be opened by a plain ``with``.

        :raises UsageError: always
        """
        raise UsageError(_SYNC)

    def __exit__(self, *_: object) -> None:
        """Do nothing: it was never entered."""

    @property
    def is_open(self) -> bool:
        """Whether scenarios can be created and submitted."""
        return self._session.engine is not None

    @property
    def max_nb_of_workers(self) -> int:
        """How many jobs run at once: one in development mode."""
        return self._session.max_nb_of_workers

    @max_nb_of_workers.setter
    def max_nb_of_workers(self, count: int) -> None:
        """Change it: more jobs start at once, and none that runs is ended.

        With fewer, slots and worker processes go as their jobs end.

        :raises ValueError: where it is no number of workers
        """
        self._session.resize(count)

    async def create_scenario(
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
        """Create an instance of a scenario config; write its default data.

        ``create_scenario(config, my_input=5)`` writes this value instead of the default
        data, in the transaction of the scenario. With `exist_ok` a scenario is made once,
        whichever processes ask for it: else it is found again, what it was made with
        stays, and inputs are written to it as new versions.

        :param config: the config, or its id
        :param creation_date: None for now; without a time zone it is in that of the store
        :param name: what people call it
        :param exist_ok: whether the scenario of this config that has this name is
            returned, if there is one: of several, the oldest
        :param inputs: values of its data nodes, by their configs or these' ids
        :param properties: the user's own values, added to those of the config
        :param keywords: inputs, where a data node has the name, and else properties
        :raises ConfigError: with everything that is wrong with the configuration
        :raises NotPicklable: where default data, or an input, cannot be kept
        :raises ValueInvalid: where a validator refuses one
        :raises DataNodeIsBeingEdited: where somebody has locked what is to be written
        :raises UsageError: where `exist_ok` is given without a name
        """
        engine = self._opened()
        return await engine.create(
            await self._session.section(config),
            creation_date,
            name,
            exist_ok=exist_ok,
            inputs=inputs,
            properties=properties,
            keywords=keywords,
        )

    def submit(
        self,
        entity: Submittable,
        *,
        timeout: float | None = None,
        run_timeout: float | None = None,
        priority: float = 0.0,
        force: bool = False,
        on_failure: OnFailure = "continue",
        idempotency_key: str | None = None,
        callbacks: Iterable[Callable[[Job], object]] = (),
        progress: bool = False,
        inputs: Mapping[Any, Any] | None = None,
        wait_for_data: bool = False,
        properties: Mapping[str, Any] | None = None,
    ) -> Submission:
        """Start a run of a scenario, a sequence or a task; see `Scenario.submit`."""
        options = RunOptions(
            timeout=timeout,
            run_timeout=run_timeout,
            priority=priority,
            force=force,
            on_failure=on_failure,
            idempotency_key=idempotency_key,
            callbacks=callbacks,
            progress=progress,
            inputs=inputs,
            wait_for_data=wait_for_data,
            properties=properties or {},
        )
        checks.check_own(self._session, entity)
        return self._opened().submit(entity, options)

    def cancel(self, what: Submission | Job, *, reason: str | None = None) -> bool:
        """Ask for the end of a run or of a job; see `Submission.cancel`, `Job.cancel`.

        :return: whether there was anything to end: False where it had ended already
        """
        checks.check_own_run(self._session, what)

        if what.is_finished:
            return False

        self._opened().cancel(what, reason)
        return True

    async def get(self, entity_id: str) -> Entity:
        """Return the scenario, sequence, task, data node, submission or job of an id.

        It may be of another process: a submission can be awaited whoever runs it, and
        its status, jobs, progress and events are those of now, up to a second. If that
        process dies, its run goes on here. What this program does not declare can
        be read all the same: values, jobs, their output and errors. To submit it raises
        `NotDeclared`.

        :raises NotFound: where there is none with this id
        :raises RecordDamaged: where its record cannot be loaded
        """
        engine = self._opened()
        check_id(entity_id)
        await self._session.check_config()
        return await engine.get(entity_id)

    async def get_scenario(self, scenario_id: str) -> Scenario:
        """Return the scenario of an id; see `Orchestrator.get`.

        :raises NotFound: where there is no scenario with this id
        """
        return await self._get(scenario_id, ids.SCENARIO)  # type: ignore[return-value]  # by its id

    async def get_submission(self, submission_id: str) -> Submission:
        """Return the submission of an id; see `Orchestrator.get`.

        :raises NotFound: where there is no submission with this id
        """
        return await self._get(submission_id, ids.SUBMISSION)  # type: ignore[return-value]  # by its id

    async def get_job(self, job_id: str) -> Job:
        """Return the job of an id; see `Orchestrator.get`.

        :raises NotFound: where there is no job with this id
        """
        return await self._get(job_id, ids.JOB)  # type: ignore[return-value]  # by its id

    async def get_cycle(self, cycle_id: str) -> Cycle:
        """Return the cycle of an id; see `Orchestrator.get`.

        :raises NotFound: where there is no cycle with this id
        """
        return await self._get(cycle_id, ids.CYCLE)  # type: ignore[return-value]  # by its id

    async def get_primary(self, cycle: Cycle | str) -> Scenario | None:
        """Return the primary scenario of a cycle; None where that was deleted.

        :raises NotFound: where the cycle is gone, with its last scenario
        """
        return await self._opened().calendar.primary(id_of_kind(cycle, ids.CYCLE))

    async def set_primary(self, scenario: Scenario | str) -> None:
        """Make a scenario the primary one of its cycle; see `Scenario.set_primary`."""
        await (await self._scenario(scenario)).set_primary()

    async def diff(self, one: Scenario | str, other: Scenario | str) -> ScenarioDiff:
        """Return what two scenarios have otherwise; see `Scenario.diff`.

        :param one: a scenario, or its id, as the other one
        """
        return await (await self._scenario(one)).diff(other)

    async def import_scenario(
        self,
        path: str | os.PathLike[str],
        *,
        paths: Mapping[Any, str | os.PathLike[str]] | None = None,
    ) -> Scenario:
        """Make a scenario of a file that `Scenario.export` wrote, with ids of its own.

        Its config has to be declared here. Its values are copied, and never loaded: whoever
        reads them later unpickles what the archive had, so import what you trust. It has
        its creation date, and with that its cycle. What scenarios share gets the values of
        the archive where nobody has written any yet. On failure and cancel nothing is left.

        :param paths: where files of yours go that are in it, by data nodes; others go to
            their ``default_path``, if nothing else is there
        :raises ArchiveRefused: where the file is no archive, or not whole
        :raises NotCopied: where data nodes are declared otherwise here, or other files are
            where theirs would be
        :raises ConfigError: where its scenario config is not declared here
        """
        from asyncflow.runtime.importing import Import

        engine = self._opened()
        await self._session.check_config()
        return await Import(engine, os.fspath(path), paths or {}).make()

    async def exists(self, entity_id: str) -> Reasons:
        """Tell whether there is something with an id, as things are now.

        :return: true where there is; otherwise the reason why not
        """
        from asyncflow.runtime.permissions import exists

        check_id(entity_id)
        return await exists(self._opened().loader, entity_id)

    async def create_global_data_node(
        self, config: DataNodeConfig[T] | str
    ) -> DataNode[T]:
        """Return the data node of a config with the scope ``GLOBAL``: the one that there
        is, or a new one, with its default data.

        :param config: the config, or its id
        :raises ConfigError: with everything that is wrong with the configuration
        :raises UsageError: where it has another scope
        :raises NotPicklable: where its default data cannot be kept
        """
        from asyncflow.runtime.global_nodes import global_node

        engine = self._opened()
        await self._session.check_config()
        return await global_node(engine, self.config, config)

    async def is_promotable(self, scenario: Scenario | str) -> Reasons:
        """Tell whether a scenario can become the primary one of its cycle, as things are.

        :param scenario: it, or its id
        :return: true where it can; otherwise the reasons why it cannot
        """
        from asyncflow.runtime.permissions import is_promotable

        return await is_promotable(self._opened().store, id_of(scenario))

    async def is_deletable(
        self, entity: Scenario | Submission | Job | Cycle | str
    ) -> Reasons:
        """Tell whether something can be deleted now; else give the reasons why not."""
        from asyncflow.runtime.permissions import is_deletable

        return await is_deletable(self._opened().store, id_of(entity))

    async def is_submittable(self, entity: Scenario | Sequence | Task | str) -> Reasons:
        """Tell whether all that something reads is there, or will be, and not locked."""
        from asyncflow.runtime.permissions import is_submittable

        loader, scheduler = self._opened().loader, self._opened().scheduler
        return await is_submittable(loader, scheduler, id_of(entity))

    async def is_editable(self, entity: Entity | str) -> Reasons:
        """Tell whether something is there, and no data node that somebody has locked."""
        from asyncflow.runtime.permissions import is_editable

        return await is_editable(self._opened().loader, id_of(entity))

    async def is_readable(self, entity: Entity | str) -> Reasons:
        """Tell whether something is there to be read; see `exists`."""
        return await self.exists(id_of(entity))

    def can_create(self, config: object = None) -> Reasons:
        """Tell whether a config is of a scenario, or of a ``GLOBAL`` data node."""
        from asyncflow.runtime.permissions import can_create

        return can_create(config)

    async def get_parents(self, entity: Entity | str) -> Parents:
        """Return what a data node, a task or a sequence is a part of, as far as that is
        declared here: ``"scenario"``, ``"sequence"``, ``"task"``, those that there are.

        :raises NotFound: where there is none with this id
        """
        from asyncflow.runtime.parents import parents

        return await parents(self._opened().loader, id_of(entity))

    async def _scenario(self, given: Scenario | str) -> Scenario:
        return await self.get_scenario(id_of_kind(given, ids.SCENARIO))

    async def _get(self, entity_id: str, kind: str) -> Entity:
        if ids.kind_of(check_id(entity_id)) != kind:
            raise NotFound(entity_id)

        return await self.get(entity_id)

    async def scenarios(
        self,
        *,
        config_id: str | None = None,
        name: str | None = None,
        cycle: Cycle | str | None = None,
        tag: str | None = None,
        is_primary: bool | None = None,
        property: Mapping[str, object] | tuple[str, object] | None = None,
        value: Mapping[str, object] | tuple[str, object] | None = None,
        version: str | NotGiven | None = NOT_GIVEN,
        created_from: datetime | None = None,
        created_to: datetime | None = None,
        sort_key: str = "creation_date",
        descending: bool = False,
        newest_first: bool = False,
        after: ScenarioRecord | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[ScenarioRecord]:
        """List scenarios, those of other processes included.

        ``await get(record.id)`` gives the scenario.

        :param cycle: a cycle that they belong to, or its id; None for any
        :param tag: a tag that they have; None for any
        :param is_primary: whether they are primary in their cycle; None for either
        :param property: a property that they have, ``("region", "EU")``, or several by
            their names: texts of at most 200 characters, numbers, True, False, None
        :param value: the config id of a data node and the value that it has now,
            ``("my_input", 5)``: a small one, which the store keeps itself
        :param version: a version of the application; None for any. Unless it is given, that
            of this orchestrator, or in production all those in production
        :param created_from: the first creation date; without a time zone it is in that of
            the store. None for any
        :param created_to: the creation date before which they were made
        :param sort_key: what they are sorted by: ``"creation_date"``, ``"name"`` (those
            without one come first), ``"config_id"``, ``"id"`` or ``"tags"``; those that are
            the same in that by their dates
        :param descending: whether the order is turned round
        :param newest_first: the same
        :param after: the last one of the page before, of the same order: the next ones are
            as fast, however many there were. None begins with the first
        :param limit: how many at most; None for all
        :param offset: how many to leave out at the beginning
        :raises ValueError: where there is no such sort key, or nothing is found by such a
            property or value
        """
        from asyncflow.runtime.listing import Listing

        listing = Listing(
            config_id=config_id,
            name=name,
            cycle=cycle,
            tag=tag,
            is_primary=is_primary,
            property=property,
            value=value,
            version=version,
            created_from=created_from,
            created_to=created_to,
            sort_key=sort_key,
            after=after,
            page=Page(descending or newest_first, limit, offset),
        )
        return await listing.found(self._opened())

    async def compare(
        self, *scenarios: Scenario | str, data_node: DataNodeConfig | str | None = None
    ) -> dict[str, dict[str, Any]]:
        """Compare scenarios of one config by its comparators.

        All values are read at the same time; then each comparator is called in a thread
        with those of its data node, in the order of the scenarios; an ``async def``
        function on the event loop. On cancel nothing has changed.

        :param data_node: the config of the only data node to be compared, or the id of
            that; None for all that have comparators
        :return: by the ids of the data nodes' configs, what each comparator returns, by
            its name
        :raises ComparisonFailed: where a comparator raises, or a value cannot be read
        :raises UsageError: where there are fewer than two scenarios, several configs, or no
            comparators
        """
        from asyncflow.runtime.comparing import Comparison

        self._opened()
        name = data_node.id if isinstance(data_node, DataNodeConfig) else data_node
        found = [await self._scenario(scenario) for scenario in scenarios]
        return await Comparison(found, name).results()

    async def cycles(
        self,
        *,
        frequency: str | None = None,
        newest_first: bool = False,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[CycleRecord]:
        """List cycles by their first instants, those of other processes included.

        ``await get(record.id)`` gives the cycle.

        :param frequency: a `Frequency`, or the name of a calendar; None for any
        :param limit: how many at most; None for all
        :param offset: how many to leave out at the beginning
        """
        check_page(limit, offset)
        return await self._opened().store.cycles(
            frequency=frequency, page=Page(newest_first, limit, offset)
        )

    async def data_nodes(
        self,
        *,
        owner_id: str | None = None,
        version: str | NotGiven | None = NOT_GIVEN,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[DataNodeRecord]:
        """List data nodes, those of other processes included, without their values.

        ``await get(record.id)`` gives the data node.

        :param owner_id: the id of their scenario, or of their cycle; None for any
        :param version: a version of the application that their scenarios belong to; None
            for any. Unless it is given, as for `scenarios`; what
            scenarios share belongs to all, and comes first
        :param limit: how many at most; None for all
        :param offset: how many to leave out at the beginning
        """
        from asyncflow.runtime.listing import labels_of

        check_page(limit, offset)
        engine = self._opened()
        return await engine.store.data_nodes(
            owner_id=owner_id and id_of_kind(owner_id, ids.SCENARIO, ids.CYCLE),
            labels=await labels_of(engine, version),
            page=Page(False, limit, offset),
        )

    async def submissions(
        self,
        *,
        entity_id: str | None = None,
        scenario_id: str | None = None,
        status: str | None = None,
        is_finished: bool | None = None,
        newest_first: bool = False,
        limit: int | None = None,
        offset: int = 0,
        **filters: Unpack[SubmissionFilters],
    ) -> list[SubmissionRecord]:
        """List submissions in their order, those of other processes included.

        ``await get(record.id)`` gives the handle. One that has not ended has the status
        that it had when the store was last told. Besides: ``version`` as for `scenarios`;
        ``config_id``, ``cycle`` and ``tag`` of its scenario; a ``text`` in its id, its
        reason, that of a failed job or the name of its scenario; ``submitted_from``, ``submitted_to``;
        ``sort_key``, ``"submitted"`` or ``"duration"``; ``after``, the last one before.

        :raises ValueError: where there is no such status or sort key
        """
        from asyncflow.runtime.submission_listing import SubmissionListing

        check_page(limit, offset)
        listing = SubmissionListing(
            entity_id=entity_id and id_of_kind(entity_id, *ids.SUBMITTABLE),
            scenario_id=scenario_id and id_of_kind(scenario_id, ids.SCENARIO),
            status=known_status(status, SubmissionStatus),
            is_finished=is_finished,
            page=Page(newest_first, limit, offset),
        )
        return await listing.found(self._opened(), filters)

    async def jobs(
        self,
        *,
        submission_id: str | None = None,
        task_id: str | None = None,
        status: str | None = None,
        version: str | NotGiven | None = NOT_GIVEN,
        newest_first: bool = False,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[JobRecord]:
        """List jobs: those that ended, those that have been running for a second, and
        after them those that this orchestrator has still to run, or runs.

        What all jobs do of a run of another process is told by its handle:
        ``(await get(submission_id)).jobs``.

        :param status: ``"COMPLETED"``, ``"FAILED"``, ...
        :param version: a version of the application that their scenarios belong to; None
            for any. Unless it is given, as for `scenarios`
        :param limit: how many at most; None for all
        :param offset: how many to leave out at the beginning
        :raises ValueError: where there is no such status
        """
        known = known_status(status, Status)
        from asyncflow.runtime.listing import labels_of

        check_page(limit, offset)
        engine = self._opened()
        return await engine.jobs(
            {
                "submission_id": submission_id
                and id_of_kind(submission_id, ids.SUBMISSION),
                "task_id": task_id and id_of_kind(task_id, ids.TASK),
                "status": known,
                "labels": await labels_of(engine, version),
            },
            Page(newest_first, limit, offset),
        )

    async def versions(self) -> list[LabelRecord]:
        """List the versions of the application that orchestrators on this store had: the
        oldest first.
        """
        return await self._opened().store.labels()

    async def delete(self, entity_id: str) -> None:
        """Delete a scenario with all that is its own, a submission with its jobs, or a job.

        With the last scenario of a cycle goes the cycle. With a cycle go its scenarios, one
        after the other. A primary scenario stays as long as its cycle has others.

        Values of the user's own files stay. On cancel it is deleted or not, as a whole.
        What cannot be loaded, of whatever kind, is deleted by its id alone.

        :raises NotFound: where there is none with this id
        :raises DeletingPrimaryScenario: where its cycle has others
        :raises UsageError: where a run of it has not ended, or it is something else
        """
        check_id(entity_id)

        match ids.kind_of(entity_id):
            case ids.CYCLE:
                await self._opened().delete_cycle(entity_id)
            case ids.JOB:
                await self.delete_job(entity_id)
            case _:
                await self._opened().delete(entity_id)

    async def delete_job(self, job: Job | str, force: bool = False) -> None:
        """Delete a job, with what it printed. The rest of its run stays.

        :param force: cancel its run first, and wait for its end, if that has not ended
        :raises UsageError: where its run has not ended
        """
        if force:
            run = (await self.get_job(id_of_kind(job, ids.JOB))).submission
            run.cancel("its job is to be deleted")
            await run.wait()

        await self._opened().job_deletion().delete(id_of_kind(job, ids.JOB))

    async def delete_jobs(self) -> int:
        """Delete all jobs whose runs have ended, in batches; return how many."""
        return await self._opened().job_deletion().delete_all()

    async def clean_all_entities(self, version_number: str) -> bool:
        """Delete all scenarios of a version of the application, with all that is theirs.

        All of it in one transaction; then the files of their values. What scenarios share
        stays, as long as there are others in their cycle. Nothing else ever wipes anything.
        On cancel it is done or not, as a whole.

        :return: whether there is such a version
        :raises UsageError: where a run of one has not ended
        """
        from asyncflow.runtime.cleaning import clean

        return await clean(self._opened(), version_number)

    async def prune(
        self,
        older_than: timedelta | None = None,
        keep: int | None = None,
        *,
        logs_only: bool = False,
    ) -> Pruned:
        """Remove old submissions, with their jobs and what these printed.

        Only those that have finished, of all orchestrators; the values of data nodes
        stay. A submission goes where both conditions hold that are given. It is done in
        batches, so that others can write in between. On cancel a part of it is done.

        A submission with an idempotency key that was removed runs again when it is
        submitted again.

        :param older_than: those that have ended so long ago; None for any
        :param keep: how many of the last submissions stay, at any age; None for none
        :param logs_only: remove only what the jobs printed
        :return: how much was removed
        :raises UsageError: where neither is given
        """
        return await self._opened().prune(older_than, keep, logs_only=logs_only)

    async def drain(self) -> None:
        """Wait until every run has ended, but for those that are paused or wait for data,
        and those that wait for these. On cancel only the waiting ends.

        :raises OrchestratorFailed: where the engine cannot go on
        :raises StoreFailed: where the store has failed for good, which has ended them
        """
        engine = self._opened()
        await engine.scheduler.runs.drain()
        await engine.scheduler.in_flight.until_idle()
        engine.scheduler.group.check()
        engine.outage.check()

    async def flush(self) -> None:
        """Return when everything that was accepted so far is durable.

        On cancel only the waiting ends.

        :raises StoreFailed: where the store has failed for good
        """
        await self._session.flush()

    @overload
    def events(self, *, buffer: int = BUFFER) -> EventStream[Event]: ...

    @overload
    def events(
        self, one: type[E], two: type[F], /, *, buffer: int = BUFFER
    ) -> EventStream[E | F]: ...

    @overload
    def events(
        self, one: type[E], two: type[F], three: type[G], /, *, buffer: int = BUFFER
    ) -> EventStream[E | F | G]: ...

    @overload
    def events(self, *kinds: type[E], buffer: int = BUFFER) -> EventStream[E]: ...

    def events(self, *kinds: type[Any], buffer: int = BUFFER) -> EventStream[Any]:
        """Give the events of every run, from the moment the result is entered.

        ``async with orchestrator.events(JobFinished) as events: async for event in
        events:``. Each comes once what it tells is durable, in the order in which it
        happened. What happened to an adopted run before is not told. It ends when the
        orchestrator is closed, after the last event.

        A reader that takes longer than events come gets `EventsLost` in the end, never
        a gap. ``async for event in submission`` loses nothing.

        :param kinds: which events, with their subclasses: `JobFinished`, ...; none
            gives all of runs. `EntityCreated`, `EntityUpdated`, `EntityDeleted` and their
            base `EntityEvent` tell what happens to entities, and what other processes do
            to those of the store, up to half a second later; of these, too many at a time
            are left out, with a warning
        :param buffer: how many events are held for the reader
        :raises TypeError: where a kind is no class of events
        :raises ValueError: where nothing could be held
        """
        return self._opened().events(kinds, buffer)

    def on(
        self, function: Callable[[E], object], *kinds: type[E]
    ) -> Callable[[], None]:
        """Have a function called with each event of some kinds from now on, one after the
        other: a plain one in a thread. What it raises is logged; none is lost.

        :param kinds: as for `events`: `SubmissionFinished`, `EntityCreated`, ...
        :return: what ends it, when it is called
        """
        return self._opened().subscriptions.on(function, kinds)

    def subscribe_scenario(
        self,
        callback: Callable[..., object],
        params: Iterable[object] | None = None,
        scenario: Scenario | None = None,
    ) -> None:
        """Have a function called when the status of a job changes.

        It is called as ``callback(*params, scenario, job)``; see `Scenario.subscribe`.
        Subscriptions end with the orchestrator, which waits some seconds for the last
        calls.

        :param params: what it is given first; None for nothing
        :param scenario: only for jobs of this one; None for all, later ones included
        """
        checks.check_own_scenario(self._session, scenario)
        self._opened().subscriptions.add(callback, params, scenario)

    def unsubscribe_scenario(
        self,
        callback: Callable[..., object],
        params: Iterable[object] | None = None,
        scenario: Scenario | None = None,
    ) -> None:
        """End a subscription; see `Scenario.unsubscribe`.

        :param params: those of the subscription; None for whatever it has
        :param scenario: that of the subscription; None for one to all scenarios
        :raises ValueError: where there is no such subscription
        """
        checks.check_own_scenario(self._session, scenario)
        self._opened().subscriptions.remove(callback, params, scenario)

    def statistics(self) -> Statistics:
        """Say in numbers what goes on. Cheap: it asks each unfinished run once."""
        return self._opened().statistics(self._session.max_nb_of_workers)

    async def workers(self, *, stacks: bool = False) -> list[WorkerInfo]:
        """List the worker processes: where they are, their memory, what they run.

        :param stacks: also where their Python is, which goes on meanwhile
        """
        return await self._session.list_workers(stacks=stacks)

    @asynccontextmanager
    async def listen(self, listener: Listener) -> AsyncIterator[None]:
        """Tell a listener what happens in all runs, as long as this is entered.

        For what passes it on, as to traces, metrics or a page; `events` is for programs.
        When it is left without an error, all that has happened so far has been told.

        :raises NotOpen: where the orchestrator is not open
        """
        engine = self._opened()
        engine.bus.add(listener)
        carriers = engine.scheduler.tracer.carriers

        if listener.does_trace:
            carriers.append(listener)

        try:
            await engine.bus.hear_others(listener)
            yield
            await engine.bus.drain()
        finally:
            if listener.does_trace:
                carriers.remove(listener)

            engine.bus.remove(listener)

    def _opened(self) -> Engine:
        return self._session.opened()


async def _open_engine(
    session: Session, workers: Executor | None, stack: AsyncExitStack
) -> Engine:
    await enter_meanwhile(stack, session.store, _opening)
    return await _opening()(session, workers).open(stack)


def _opening() -> type[Opening]:
    with pause_gc():
        from asyncflow.runtime.open import Opening
    return Opening
