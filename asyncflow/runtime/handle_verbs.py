"""The verbs of the handles: what they ask of the engine, where it is open."""

from __future__ import annotations

import time
from collections.abc import (
    AsyncIterator,
    Callable,
    Coroutine,
    Iterable,
    Mapping,
)
from collections.abc import Sequence as Several
from contextlib import AbstractContextManager, nullcontext
from math import inf
from threading import get_ident
from typing import TYPE_CHECKING, Any

from asyncflow import ids
from asyncflow.config.checks.numbers import check_flag
from asyncflow.config.checks.values import id_of_kind
from asyncflow.dispatch import skipping
from asyncflow.entities.handle import Owned, Parents
from asyncflow.entities.job import Job, state_of
from asyncflow.entities.scenario import Scenario, ScenarioVerbs
from asyncflow.entities.sequence import Sequence
from asyncflow.entities.submission import Submission, run_of
from asyncflow.entities.submittable import Submittable, Subscribed, dag_of, tasks_of
from asyncflow.errors import NoData
from asyncflow.options import RunOptions
from asyncflow.runs.node import NodeState, Said
from asyncflow.runtime.session import Session
from asyncflow.worker.current import CurrentJob
from asyncflow.worker.streams import Stream

if TYPE_CHECKING:
    from asyncflow.entities.cycle import Cycle
    from asyncflow.entities.difference import ScenarioDiff
    from asyncflow.entities.edits import Edit
    from asyncflow.entities.exported import ExportedScenario
    from asyncflow.entities.parts import Ask, Make
    from asyncflow.entities.planned import PlannedJob
    from asyncflow.entities.reasons import Reasons
    from asyncflow.runtime.engine import Engine
    from asyncflow.runtime.redeclared import Redeclared


GAP = 1e-5
"""How soon a submit follows another one, in seconds, where both have the same files: to
save one takes longer, as does to hear that another program has saved one."""

LONGEST = 0.01
"""How old a look at files may be then, in seconds: other programs save some meanwhile, of
which nobody has heard."""


class HandleVerbs(ScenarioVerbs):
    """Asks the engine of a session; the handles' methods say what each verb does.

    Handles outlive an opening: they work again in the next one.

    :raises NotOpen: where the orchestrator is not open
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self._redeclared: Redeclared | None = None
        self._ended: float = -inf
        """When the last submit ended, as `time.perf_counter` has it."""

        self._revision = self.session.config.revision
        """That of what was declared at the opening."""

    def submit(self, entity: Submittable, options: RunOptions) -> Submission:
        if self.session.config.revision != self._revision:
            self._look_for_redeclared(entity)

        engine = self.session.opened()
        specs, now = engine.specs, time.perf_counter()

        if now - self._ended > GAP:
            specs.looked_at = -inf

        specs.is_close = now - specs.looked_at < LONGEST

        try:
            return engine.submit(entity, options)
        finally:
            specs.is_close = False
            self._ended = time.perf_counter()

    def _look_for_redeclared(self, entity: Submittable) -> None:
        if not isinstance(entity, Scenario):
            return

        if self._redeclared is None:
            from asyncflow.runtime.redeclared import Redeclared

            self._redeclared = Redeclared(self.session.config)

        self._redeclared.look(entity.id, entity.config)

    def plan(self, entity: Submittable, *, force: bool) -> tuple[PlannedJob, ...]:
        check_flag("force", force)
        engine = self.session.opened()
        tasks, dag = tasks_of(entity), dag_of(entity)
        engine.check_there(entity, dag)
        specs = engine.specs.of_all(dag.kinds, force=force)

        if any(spec.fingerprint for spec in specs):
            skipping.look(skipping.places_at_hand(tasks.values()))

        return skipping.plan(dag.pick(tasks), [specs[kind] for kind in dag.kind_of])

    def retry_failed(
        self,
        submission: Submission,
        properties: Mapping[str, Any],
        idempotency_key: str | None,
    ) -> Submission:
        from asyncflow.runtime.retrying import retry

        engine = self.session.opened()
        return retry(engine, submission, properties, idempotency_key)

    def cancel(self, what: Submission | Job, *, reason: str | None) -> bool:
        """Ask for the end of a run or a job; tell whether there was anything to end."""
        if what.is_finished:
            return False

        self.session.opened().cancel(what, reason)
        return True

    async def pause(self, submission: Submission, *, is_paused: bool) -> None:
        from asyncflow.runtime.pausing import pause

        await pause(self.session.opened(), run_of(submission), is_paused=is_paused)

    async def accepted(self, submission: Submission) -> None:
        if engine := self.session.engine:
            await engine.scheduler.until_begun(run_of(submission))

        await self.flush()

    def slot_lent(self, job: CurrentJob) -> AbstractContextManager[None]:
        """Have one more slot while a job waits for another run, if the job runs here."""
        scheduler = self.session.opened().scheduler
        has_slot = scheduler.in_flight.has_job(job.id)
        return scheduler.slots.lent.lend(job.id) if has_slot else nullcontext()

    def flush(self) -> Coroutine[Any, Any, None]:
        return self.session.flush()

    def subscriptions(self, entity_id: str) -> tuple[Subscribed, ...]:
        return self.session.opened().subscriptions.of(entity_id)

    def subscribe_scenario(
        self,
        callback: Callable[..., object],
        params: Iterable[object] | None,
        scenario: Scenario | None,
    ) -> None:
        self.session.opened().subscriptions.add(callback, params, scenario)

    def unsubscribe_scenario(
        self,
        callback: Callable[..., object],
        params: Iterable[object] | None,
        scenario: Scenario | None,
    ) -> None:
        self.session.opened().subscriptions.remove(callback, params, scenario)

    def subscribe_sequence(
        self,
        callback: Callable[..., object],
        params: Iterable[object] | None,
        sequence: Sequence,
    ) -> None:
        self.session.opened().subscriptions.add(callback, params, sequence)

    def unsubscribe_sequence(
        self,
        callback: Callable[..., object],
        params: Iterable[object] | None,
        sequence: Sequence,
    ) -> None:
        self.session.opened().subscriptions.remove(callback, params, sequence)

    async def get_owner(self, owner_id: str) -> Owned:
        return await self.session.opened().loader.get(owner_id)

    async def get_parents(self, entity_id: str) -> Parents:
        from asyncflow.runtime.parents import parents

        return await parents(self.session.opened().loader, entity_id)

    async def is_deletable(self, entity_id: str) -> Reasons:
        from asyncflow.runtime.permissions import is_deletable

        return await is_deletable(self.session.opened().store, entity_id)

    async def is_submittable(self, entity_id: str) -> Reasons:
        from asyncflow.runtime.permissions import is_submittable

        engine = self.session.opened()
        return await is_submittable(engine.loader, engine.scheduler, entity_id)

    def will_be_written(self, node: NodeState) -> bool:
        engine = self.session.engine
        return engine is not None and engine.scheduler.will_be_written(node)

    def read_now(self, node: NodeState) -> Any:
        session = self.session

        if (engine := session.engine) is None or get_ident() != session.thread:
            engine = session.opened()  # raises: without a call where all is well

        return engine.versions.read_now(node)

    async def read(
        self,
        node: NodeState,
        version: int | None,
        ask: Ask | None = None,
        *,
        in_process: bool | None = None,
    ) -> Any:
        versions = (engine := self.session.opened()).versions

        if in_process is not None:
            check_flag("in_process", in_process)

        try:
            return await versions.read(node, version, ask, in_process=in_process)
        except NoData as error:
            if version is None:
                await _explain(engine, error, [node])

            raise

    async def edit(self, node: NodeState, make: Make, said: Said) -> None:
        engine = self.session.opened()
        await engine.editing.edit(node, make, said)
        _tell(engine, node, "WRITTEN")

    async def fingerprint(self, node: NodeState) -> str | None:
        return await self.session.opened().editing.fingerprint(node)

    async def read_together(self, nodes: Several[NodeState]) -> tuple[Any, ...]:
        engine = self.session.opened()

        try:
            return await engine.versions.read_together(nodes)
        except NoData as error:
            await _explain(engine, error, nodes)
            raise

    async def update(
        self, entity: Scenario | Cycle, changes: Mapping[str, Any]
    ) -> None:
        from asyncflow.runtime.updating import Updating

        await Updating(self.session.opened()).entity(entity, changes)

    async def change_sequences(
        self, scenario: Scenario, changes: Mapping[str, Any]
    ) -> None:
        from asyncflow.runtime.updating import Updating

        await Updating(self.session.opened()).sequences(scenario, changes)

    async def promote(self, scenario: Scenario) -> None:
        await self.session.opened().calendar.promote(scenario)

    async def duplicate(self, scenario: Scenario, **wanted: Any) -> Scenario:
        from asyncflow.runtime.duplication import Duplication, Wanted

        duplication = Duplication(self.session.opened(), scenario, Wanted(**wanted))
        return await duplication.make()

    async def diff(self, one: Scenario, other: Scenario | str) -> ScenarioDiff:
        from asyncflow.runtime.difference import Differences

        other_id = id_of_kind(other, ids.SCENARIO)
        return await Differences(self.session.opened()).between(one.id, other_id)

    async def export(
        self, scenario: Scenario, path: object, *, data: bool, overwrite: bool
    ) -> ExportedScenario:
        from asyncflow.runtime.exporting import Export

        export = Export(self.session.opened(), scenario, data)
        return await export.write(path, overwrite=overwrite)

    async def update_node(self, node: NodeState, changes: Mapping[str, Any]) -> None:
        from asyncflow.runtime.updating import Updating

        await Updating(self.session.opened()).node(node, changes)

    async def read_own(self, submission: Submission, name: str) -> Any:
        engine, run = self.session.opened(), run_of(submission)

        if name not in run.dag.sources:
            return await engine.results.read(run, name)

        await engine.scheduler.until_begun(run)
        return await engine.inputs.read(run, name)

    async def edit_own(self, submission: Submission, name: str) -> Edit:
        return await self.session.opened().results.edit(run_of(submission), name)

    async def write(self, node: NodeState, value: object, said: Said) -> None:
        engine = self.session.opened()
        await engine.editing.write(node, value, said)
        _tell(engine, node, "WRITTEN")

    async def edits(self, node: NodeState) -> tuple[Edit, ...]:
        return await self.session.opened().editing.edits(node)

    async def is_up_to_date(self, node: NodeState) -> bool:
        from asyncflow.runtime.lineage import is_up_to_date

        return await is_up_to_date(self.session.opened(), node)

    async def lock(
        self, node: NodeState, editor_id: str, timeout: float | None
    ) -> None:
        engine = self.session.opened()
        await engine.editing.lock(node, editor_id, timeout)
        _tell(engine, node, "LOCKED")

    async def unlock(self, node: NodeState, editor_id: str | None) -> None:
        engine = self.session.opened()
        await engine.editing.unlock(node, editor_id)
        _tell(engine, node, "LOCKED")

    async def output(self, job: Job, stream: Stream | None) -> str:
        from asyncflow.runtime import job_output

        store, max_bytes = self.session.opened().store, self.session.jobs.max_log_size
        return await job_output.output(store, state_of(job), max_bytes, stream)

    def follow(self, job: Job) -> AsyncIterator[str]:
        from asyncflow.runtime import job_output

        engine, state, run = (
            self.session.opened(),
            state_of(job),
            run_of(job.submission),
        )

        if not state.is_finished and not engine.scheduler.runs.drives(run):
            from asyncflow.runtime import remote_output

            return remote_output.follow(engine, run, state)

        return job_output.tail(engine.store, state, self.session.jobs.max_log_size)


async def _explain(engine: Engine, error: NoData, nodes: Iterable[NodeState]) -> None:
    """Raise an error anew that says why a data node was never written, if known."""
    from asyncflow.runtime.unwritten import why_unwritten

    for node in nodes:
        scenario = engine.identity_map.find(node.owner_id or "")

        if (
            node.version is None
            and isinstance(scenario, Scenario)
            and (cause := await why_unwritten(engine.store, scenario, node))
        ):
            raise NoData(node.config_id, cause=cause) from error

        if node.version is None and await engine.editing.edits(
            node
        ):  # it was in memory
            raise NoData(node.config_id, is_durable=False) from error


def _tell(engine: Engine, node: NodeState, what: str) -> None:
    """Tell who wants to know that a data node was written by hand, or locked.

    :param what: the attributes, by the name that `asyncflow.notify.entities` has for them
    """
    if engine.bus.hears_entities:
        from asyncflow.notify import entities

        names = getattr(entities, what)
        engine.bus.tell([entities.updated(node.id, node.config_id, names)])
