"""The engine: what an orchestrator has and does while it is open."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from anyio import CancelScope, Lock, to_thread

from asyncflow import ids
from asyncflow.abc import Store
from asyncflow.config.checks.numbers import check_flag
from asyncflow.config.dag import Dag
from asyncflow.config.sections import CoreConfig, ScenarioConfig
from asyncflow.dispatch.call_spec import CallSpec, CallSpecs
from asyncflow.dispatch.runs import Data
from asyncflow.dispatch.scheduler import Scheduler
from asyncflow.dispatch.suspects import specs_of
from asyncflow.entities.identity_map import IdentityMap
from asyncflow.entities.job import Job, state_of
from asyncflow.entities.scenario import Scenario, record_of
from asyncflow.entities.submission import Run, Submission, handle_of, run_of
from asyncflow.entities.submittable import Submittable, dag_of, nodes_of, tasks_of
from asyncflow.errors import OrchestratorFailed, UsageError
from asyncflow.log import logger as _logger
from asyncflow.notify.bus import Bus
from asyncflow.notify.counters import JobCounters
from asyncflow.options import Page, RunOptions
from asyncflow.plan.graph import Graph
from asyncflow.records import InputRecord, JobRecord, OrchestratorRecord, Pruned
from asyncflow.recovery.loader import Entity, EntityLoader
from asyncflow.recovery.outage import Outage
from asyncflow.recovery.recovery import Recovery
from asyncflow.recovery.remote_runs import RemoteRuns
from asyncflow.runs.node import Given, NodeState
from asyncflow.runtime.checks import (
    check_begins,
    check_inputs,
    check_kept,
    check_name,
    check_options,
)
from asyncflow.runtime.preparation import First, RunPreparation
from asyncflow.runtime.shutdown import interrupt, leave
from asyncflow.slices import listed
from asyncflow.values import first_versions
from asyncflow.values.editing import Editing
from asyncflow.values.results import Results
from asyncflow.values.versions import Versions
from asyncflow.worker.shortened import REASON, shortened

if TYPE_CHECKING:
    from asyncflow.dispatch.job_listing import Filters
    from asyncflow.entities.cycle import Cycle
    from asyncflow.entities.statistics import Statistics
    from asyncflow.notify.elsewhere import Elsewhere
    from asyncflow.notify.stream import EventStream
    from asyncflow.notify.subscriptions import Subscriptions
    from asyncflow.runtime.acceptance import Acceptance
    from asyncflow.runtime.calendar import OwnCalendar
    from asyncflow.runtime.creation import Creation
    from asyncflow.runtime.deletion import JobDeletion
    from asyncflow.runtime.labels import Labels
    from asyncflow.values.inputs import RunInputs


class Engine:
    """The verbs, and what they need.

    :param own: what the store knows of the orchestrator
    """

    def __init__(
        self,
        own: OrchestratorRecord,
        store: Store,
        identity_map: IdentityMap,
        specs: CallSpecs,
        scheduler: Scheduler,
        versions: Versions,
        loader: EntityLoader,
        bus: Bus,
        counters: JobCounters,
    ) -> None:
        self.own = own
        self.store = store
        self.identity_map = identity_map
        self.specs = specs
        self.scheduler = scheduler
        self.versions = versions
        self.loader = loader
        self.bus = bus
        self.counters = counters
        self._deleted: list[str] = []
        """What is being deleted."""
        self._declared: Dag | None = None
        """The graph that was submitted last: that its tasks are declared does not change."""
        self.labels: Labels | None = None
        """The version of the application; None for none."""
        self._subscriptions: Subscriptions | None = None
        self._hearing = Lock()
        """Of several who ask what others do, one listens at a time."""
        self.editing: Editing = Editing(store, versions)
        self.results: Results = Results(identity_map, versions, self.editing)
        versions.retention.results = self.results
        versions.sharing.pins = scheduler.pins
        self.preparation: RunPreparation = RunPreparation(versions, loader)
        self.recovery: Recovery = Recovery(own, store, loader, self)
        self.remote_runs: RemoteRuns = RemoteRuns(
            store, loader, self.recovery, scheduler, scheduler.group
        )
        self.outage: Outage = Outage(store, scheduler, self.recovery, self.remote_runs)
        scheduler.group.on_failure = self._broke
        bus.others = self

    @cached_property
    def acceptance(self) -> Acceptance:
        """What asks the store about runs."""
        from asyncflow.runtime.acceptance import Acceptance

        return Acceptance(
            *(self.own.id, self.bus, self.loader, self.inputs),
            *(self.scheduler, self.remote_runs),
        )

    @cached_property
    def inputs(self) -> RunInputs:
        """What keeps what runs are given."""
        from asyncflow.values.inputs import RunInputs

        return RunInputs(self.store, self.versions)

    @property
    def subscriptions(self) -> Subscriptions:
        """The functions that are called: made when it is asked for."""
        if self._subscriptions is None:
            from asyncflow.notify.subscriptions import Subscriptions

            self._subscriptions = Subscriptions(self.bus, self.loader.scenario_of)

        return self._subscriptions

    @cached_property
    def calendar(self) -> OwnCalendar:
        """What finds cycles."""
        from asyncflow.runtime.calendar import OwnCalendar

        return OwnCalendar(self.store, self.loader, self.bus)

    @property
    def is_shared(self) -> bool:
        """Whether others may use the store, even if nobody does now."""
        return self.store.values_folder is not None

    async def create(
        self,
        config: ScenarioConfig,
        creation_date: datetime | None,
        name: str | None,
        *,
        exist_ok: bool = False,
        inputs: Mapping[Any, Any] | None = None,
        properties: Mapping[str, Any] | None = None,
        keywords: Mapping[str, Any] | None = None,
    ) -> Scenario:
        """Create a scenario; see `Orchestrator.create_scenario`.

        :param keywords: inputs and properties, by their names
        """
        check_name(name)
        check_flag("exist_ok", exist_ok)
        given: Mapping[str, Any] = {}

        if inputs or properties or keywords:
            from asyncflow.runtime.keywords import sorted_out

            names = {node.id for node in config.data_node_configs}
            given, properties = sorted_out(
                "create_scenario", keywords, inputs, properties, names
            )

        properties = properties or {}

        if self.labels is not None:
            await self.labels.check()

        await self.identity_map.prepare(config)
        cycle: Cycle | None = None

        if creation_date is not None or config.frequency is not None:
            creation_date = await self.calendar.aware(creation_date)

        if config.frequency is not None and creation_date is not None:
            cycle = await self.calendar.cycle(config, creation_date)

        cycle_id = None if cycle is None else cycle.id
        # In use until they are the scenario's.
        shared = await self.loader.shared(config, cycle_id)
        new = [node for node in shared if node.version is None]

        if exist_ok:
            creation = self._creation()
            scenario = await creation.find_or_make(
                config, creation_date, name, properties, given, cycle
            )

            if creation.is_new:
                if cycle is not None:
                    await self.calendar.settle(cycle, shared)

                self.tell_created(scenario, new)

            return scenario

        if given:
            from asyncflow.runtime.creation import check_unlocked

            await check_unlocked(self.editing, shared, given)

        scenario = await self.identity_map.new_scenario(
            config, creation_date, name, properties, cycle
        )
        await self.place(scenario, creation_date)
        nodes = nodes_of(scenario).values()
        versions = await self.versions.defaults(nodes, given)
        records = await listed(NodeState.record, nodes)
        of_cycle = (
            [] if cycle is None else [self.calendar.claimed(cycle, record_of(scenario))]
        )
        self.store.save(record_of(scenario), *of_cycle, *records, *versions)
        await self.store.flush()
        await first_versions.settle(self.versions, nodes, versions)

        if cycle is not None:
            await self.calendar.settle(cycle, shared)

        self.tell_created(scenario, new)
        return scenario

    def tell_created(self, scenario: Scenario, shared: Sequence[NodeState]) -> None:
        """Tell who wants to know of a scenario that was made.

        :param shared: the data nodes of those shared that were made with it
        """
        if self.bus.hears_entities:
            from asyncflow.notify import entities

            self.bus.tell(entities.created(scenario, shared))

    def elsewhere(self, bus: Bus) -> Elsewhere | None:
        """Make what tells what others do; None where nobody shares the store."""
        if (feed := self.store.changes(self.own.id)) is None:
            return None

        from asyncflow.notify.elsewhere import Elsewhere

        return Elsewhere(self.own.id, bus, feed, self.loader.config, self._hearing)

    async def place(self, scenario: Scenario, date: datetime | None) -> None:
        """Give the data nodes of a new scenario the paths that are for it alone."""
        if self.identity_map.has_templates(scenario.config):
            from asyncflow.runtime.placing import place

            await place(self.identity_map, scenario, date)

    def _creation(self) -> Creation:
        from asyncflow.runtime.creation import Creation

        return Creation(
            self.store, self.identity_map, self.loader, self.versions, self.editing
        )

    def submit(
        self,
        entity: Submittable,
        options: RunOptions,
        dag: Dag | None = None,
        given: Mapping[str, Given] | None = None,
    ) -> Submission:
        """Start a run; see `Submittable.submit`.

        :param dag: the tasks that it has; None for all of the entity
        :param given: what another run was given, which it is given, too
        """
        if self.outage.failure is not None or self.scheduler.in_flight.batcher.is_held:
            check_begins(self.outage)

        check_options(options)

        if options.keywords or options.inputs:
            from asyncflow.runtime.keywords import of_submit

            whole = ids.config_of(entity.scenario_id)
            scenario = self.loader.config.scenarios.get(whole)
            options = of_submit(options, nodes_of(entity), scenario)

        if callbacks := tuple(options.callbacks):
            self.subscriptions.check(callbacks)

        if self.scheduler.group.failure is not None:
            self.scheduler.group.check()

        dag = dag_of(entity) if dag is None else dag
        self.check_there(entity, dag)

        if options.inputs:
            given = self.inputs.take(entity, dag, options.inputs)
        elif given:
            given = self.inputs.again(entity, dag, given)

        key = ids.new_key(options.idempotency_key)

        if options.idempotency_key is not None and (
            same := self.acceptance.in_use(key, entity, given)
        ):
            if self.scheduler.runs.drives(same):
                self.subscriptions.add_to(same, callbacks)

            return handle_of(same)

        run = self.identity_map.new_submission(key, entity, dag, options)
        run.orchestrator_id = self.own.id
        dag, nodes = run.dag, nodes_of(entity)
        specs = self.specs.of_all(dag.kinds, force=options.force)
        is_shared = self.versions.sharing.is_shared
        shared = self.preparation.shared(run) if is_shared else ()
        read = self.preparation.read(run) if is_shared else ()
        sources = dag.sources
        inputs: Sequence[InputRecord] = ()

        if given:
            run.given = given
            sources = tuple(name for name in sources if name not in given)
            inputs = self.inputs.records(run)

        data: Data | None = None

        if options.wait_for_data:
            data = self._data(run, sources)
        else:
            check_inputs(
                self.scheduler,
                map(nodes.__getitem__, sources),
                shared,
                run_id=run.id if options.lets_fail else None,
            )

        first: First | None = None

        if options.idempotency_key is not None or (
            inputs and self.inputs.are_unmade(inputs)
        ):
            check_kept(options.properties, run.id)
            first = partial(self.acceptance.claim, run)
        elif is_shared:
            saved = self.store.submit(run.record(), inputs)
            first = partial(self.acceptance.saved, run, saved)
            self.scheduler.pins.note(run)
        else:
            self.store.save(run.record(), *inputs)

        if given:
            self.scheduler.pins.give(run)

        first = self.preparation.first(run, specs, read, first)
        graph = Graph.of(entity, dag, run.tasks)
        self.identity_map.remember(run)  # last: what is refused has no handle

        if callbacks:
            self.subscriptions.add_to(run, callbacks)

        self._begin(run, graph, specs, first, data)
        return handle_of(run)

    def _begin(
        self,
        run: Run,
        graph: Graph,
        specs: Sequence[CallSpec],
        first: First | None,
        data: Data | None,
    ) -> None:
        """Give a run to the scheduler.

        :param data: what it waits for; None for nothing
        """
        waits = self.scheduler.data_waits

        if data is not None:
            first = partial(waits.until_there, run, data, first)

        self.scheduler.submit(run, graph, specs, first=first)

        if data is not None:
            waits.block(run)

    def _data(self, run: Run, sources: Iterable[str]) -> Data | None:
        """Return what a run has to wait for, as far as that is known; None for nothing."""
        nodes = nodes_of(run.entity)
        lacking = [node for name in sources if (node := nodes[name]).version is None]

        if not lacking:
            return None

        from asyncflow.runtime.data_arrival import DataArrival

        run.lacks_data = True
        return DataArrival(lacking, self.versions, self.bus)

    def cancel(self, what: Submission | Job, reason: str | None) -> None:
        """Ask for the end of a run or of a job; see `Orchestrator.cancel`."""
        reason = shortened(reason or "cancel was called", REASON)

        if isinstance(what, Job):
            self._cancel_job(what, reason)
            return

        run = run_of(what)

        if self.scheduler.runs.drives(run):
            self.scheduler.cancel(run, reason)
        elif not run.is_finished:
            self.remote_runs.cancel(run, reason)

    def _cancel_job(self, job: Job, reason: str) -> None:
        run = run_of(job.submission)

        if not self.scheduler.runs.drives(run):
            raise UsageError(
                f"{job.id} is of a run that another process drives: cancel its submission"
            )

        self.scheduler.cancel_job(run, state_of(job).place, reason)

    async def jobs(self, filters: Filters, page: Page) -> list[JobRecord]:
        """List jobs; see `Orchestrator.jobs`."""
        from asyncflow.dispatch.job_listing import list_jobs

        return await list_jobs(
            self.store,
            self.scheduler.runs.all(),
            filters,
            page,
        )

    def events(self, kinds: tuple[type[Any], ...], buffer: int) -> EventStream[Any]:
        """Give the events of all runs; see `Orchestrator.events`."""
        from asyncflow.notify.stream import stream

        return stream(self.bus, kinds, buffer)

    def leave(self) -> None:
        """End all runs, as the orchestrator is left."""
        leave(self.scheduler)

    async def interrupt(self, grace: float) -> None:
        """End all runs, as the orchestrator is interrupted.

        :param grace: how long what runs may take, in seconds
        """
        await interrupt(self.scheduler, grace)

    async def get(self, entity_id: str) -> Entity:
        """Return an entity; a run of another process is followed from now on.

        It is returned as it is there now, if that can be known soon.
        """
        entity = await self.loader.get(entity_id)

        if isinstance(entity, Submission | Job):
            handle = entity if isinstance(entity, Submission) else entity.submission
            await self.remote_runs.catch_up(run_of(handle))

        return entity

    def job_deletion(self) -> JobDeletion:
        """Make what deletes jobs by themselves."""
        from asyncflow.runtime.deletion import JobDeletion

        return JobDeletion(self.store, self.bus)

    async def delete_cycle(self, cycle_id: str) -> None:
        """Delete a cycle with its scenarios; see `Orchestrator.delete`."""
        from asyncflow.runtime.deletion import Deletion, delete_cycle

        deletion = Deletion(self.store, self.recovery)
        runs = self.scheduler.runs.all()
        await delete_cycle(deletion, cycle_id, runs, self.delete)

    async def delete(self, entity_id: str) -> None:
        """Delete a scenario or a submission; see `Orchestrator.delete`.

        Meanwhile nothing of it can be submitted.
        """
        from asyncflow.runtime.deletion import Deletion

        deletion = Deletion(self.store, self.recovery)
        deletion.check_runs(self.scheduler.runs.all(), entity_id)
        self._deleted.append(entity_id)

        try:
            lost = await deletion.check(entity_id)
            parts = await deletion.parts(entity_id) if self.bus.hears_entities else []

            with CancelScope(shield=True):
                names = await deletion.delete(entity_id, lost)
                gone = [entity_id, *await deletion.gone()]

                for gone_id in gone:
                    self.identity_map.forget(gone_id)

                self.results.forget()
                await self.versions.files.remove_all(names)

            if self.bus.hears_entities:
                from asyncflow.notify import entities

                config = self.loader.config
                self.bus.tell(entities.deleted(*parts, *gone, config=config))
        finally:
            self._deleted.remove(entity_id)

    async def prune(
        self, older_than: timedelta | None, keep: int | None, *, logs_only: bool
    ) -> Pruned:
        """Remove old runs; see `Orchestrator.prune`."""
        from asyncflow.runtime.pruning import Pruning

        pruning = Pruning(self.store, self.identity_map, self.versions.files, self.bus)
        return await pruning.prune(older_than, keep, logs_only=logs_only)

    def keep_to(self, core: CoreConfig) -> None:
        """Remove what is not to be kept, in the background, as long as this is open."""
        if not core.keeps_all:
            from asyncflow.runtime.pruning import Pruning

            pruning = Pruning(
                self.store, self.identity_map, self.versions.files, self.bus
            )
            self.scheduler.group.start_soon(pruning.keep_to, core)

    def statistics(self, max_nb_of_workers: int) -> Statistics:
        """Say what goes on; see `Orchestrator.statistics`."""
        return self.counters.statistics(
            self.scheduler.runs.all(),
            workers=self.scheduler.workers,
            max_nb_of_workers=max_nb_of_workers,
            commits=self.store.commits,
            store_error=str(self.outage.failure) if self.outage.failure else None,
            store_error_since=self.outage.since,
        )

    def hurry(self) -> None:
        """Have the orchestrator close faster: kill what is to die, wait for no store."""
        self.scheduler.in_flight.hurry()
        self.store.close_soon(now=True)

    async def drain_notifications(self) -> None:
        """Wait until all that has happened was told, and callbacks were called."""
        await self.bus.drain()

        if self._subscriptions is not None:
            await self._subscriptions.drain()

        if _logger.is_busy:
            await to_thread.run_sync(_logger.wait)

    def tell_unwatched(self) -> None:
        """Log the failures that nobody has seen. Blocks."""
        for run in self.identity_map.submissions():
            run.tell_unwatched()

    def _broke(self, error: Exception) -> None:
        """Tell all who wait that the engine cannot go on."""
        self.scheduler.fail(error)
        self.bus.fail(OrchestratorFailed.of(error))

    async def resume(self, run: Run) -> None:
        """Start a run that was adopted."""
        self.scheduler.group.check()
        await self.scheduler.pins.restore(run)
        dag = run.dag
        specs = self.specs.of_all(dag.kinds, force=run.options.force)
        graph = Graph.of(run.entity, dag, run.tasks)
        first = self.preparation.first(run, specs)
        how = specs_of(run, specs)
        given = run.given or {}
        sources = [name for name in dag.sources if name not in given]
        data = self._data(run, sources) if run.options.wait_for_data else None
        self._begin(run, graph, how, first, data)

        if run.ending.cancel_reason is not None:
            self.scheduler.cancel(run, run.ending.cancel_reason)

    def check_there(self, entity: Submittable, dag: Dag) -> None:
        """Refuse to submit what is deleted, or being deleted, or not declared."""
        # All tasks are of one scenario, which is deleted as a whole, with them.
        task = next(iter(tasks_of(entity).values()), None)

        if (entity.is_deleted if task is None else task.deletion.is_done) or (
            self._deleted
            and not {entity.id, entity.scenario_id}.isdisjoint(self._deleted)
        ):
            is_left = ids.is_shared(entity.id)  # others have that task, too
            remedy = f"get {entity.id} anew" if is_left else "create another scenario"
            raise UsageError(f"{entity.scenario_id} was deleted: {remedy}")

        if dag is not self._declared:
            dag.check_declared()
            self._declared = dag
