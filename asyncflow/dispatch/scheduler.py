"""The scheduler: carries out what the plan says.

It takes runs in, and has them end. `runs` keeps them; `in_flight` knows what becomes of
their jobs that have a slot, and `slots` runs those.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from anyio import CapacityLimiter

from asyncflow.abc import Executor, Mode, Store
from asyncflow.dispatch.attempt import Tracer
from asyncflow.dispatch.call_spec import CallSpec
from asyncflow.dispatch.echo import Echo
from asyncflow.dispatch.in_flight import InFlight
from asyncflow.dispatch.pins import Pins
from asyncflow.dispatch.running_marks import RunningMarks
from asyncflow.dispatch.runs import Admission, DataWaits, Runs
from asyncflow.dispatch.slots import Slots
from asyncflow.dispatch.store_retry import retry_until_available
from asyncflow.dispatch.suspects import ALONE, needs_of
from asyncflow.dispatch.timeouts import RunTimeouts
from asyncflow.dispatch.waiting_runs import WaitingRuns
from asyncflow.entities.submission import Run
from asyncflow.errors import NotFound, OrchestratorFailed, UsageError
from asyncflow.log import logger as _logger
from asyncflow.plan.graph import Graph, group_of
from asyncflow.plan.guarded_plan import GuardedPlan
from asyncflow.plan.instructions import Block, End, Finish, Instruction, Kill, MakeReady
from asyncflow.runs.node import NodeState
from asyncflow.runs.restoring import lose
from asyncflow.runs.watchers import RunWatcher
from asyncflow.status import Status
from asyncflow.task_group import Tasks, is_canceled
from asyncflow.values.versions import Versions

if TYPE_CHECKING:
    from asyncflow.dispatch.live_echo import Live


class Scheduler:
    """All runs of an orchestrator.

    :param executors: by name
    :param echo: whether to show what jobs print in other processes, and when
    :param resources: how much there is of each named resource
    :param watchers: who is told of each run that begins here
    :param tracer: gives the traces that jobs continue
    """

    def __init__(
        self,
        store: Store,
        versions: Versions,
        executors: Mapping[str, Executor],
        limiter: CapacityLimiter,
        echo: Mode,
        group: Tasks,
        watchers: Sequence[RunWatcher[Run]] = (),
        resources: Mapping[str, float] | None = None,
        tracer: Tracer | None = None,
    ) -> None:
        self.store = store
        self.versions = versions
        self.executors = executors
        self.limiter = limiter
        self.echo = echo
        self.group = group
        self.watchers = watchers
        self.resources: Mapping[str, float] = {} if resources is None else resources
        self.tracer: Tracer = Tracer() if tracer is None else tracer
        self._waiting = WaitingRuns()
        marks = RunningMarks(store)
        self._echo = Echo(echo)
        live = self._live() if echo == "live" else None
        self._plan = plan = GuardedPlan({**self.resources, **ALONE}, guard=group)
        runs = Runs(store)
        self.runs: Runs = runs
        self._admission = Admission(plan, group, self)
        self._timeouts = RunTimeouts(self)
        self.data_waits: DataWaits = DataWaits(runs, self._waiting, self._timeouts)
        pins = versions.retention.pins = Pins(store, runs, versions)
        self.pins: Pins = pins
        in_flight = InFlight(plan, runs, store, versions, pins, marks, executors, self)
        self.in_flight: InFlight = in_flight
        self.slots: Slots = Slots(
            *(in_flight, versions, marks, executors, limiter),
            *(self._echo, live, group, self.tracer),
        )
        in_flight.slots = self.slots

    def _live(self) -> Live:
        from asyncflow.dispatch.live_echo import Live

        return Live(self._echo, self.group)

    def submit(
        self,
        run: Run,
        graph: Graph,
        specs: Sequence[CallSpec],
        *,
        first: Callable[[], Awaitable[bool]] | None = None,
    ) -> None:
        """Take a submission whose jobs are made, and start what can run.

        Jobs that have ended stay what they are.

        What is raised here ends this run alone. To be called after `Tasks.check`.

        :param first: what is awaited before: it tells whether the run is to be ours
        """
        number = self.runs.add(run, specs)

        if (first := self._waiting.in_turn(number, graph, first)) is not None:
            self._waiting.add(number, graph)
            not_begun = partial(self._not_begun, number)
            self.group.start_soon(self._begin_after, first, number, on_error=not_begun)
            return

        try:
            if self._begin(number, graph):
                self.slots.fill()
        except Exception as error:
            self._not_begun(number, error)
            raise

    async def _begin_after(
        self, first: Callable[[], Awaitable[bool]], number: int
    ) -> None:
        try:
            is_ours = await retry_until_available(first)
        except (NotFound, UsageError) as error:  # the caller's, who is told it
            self._not_begun(number, error)
            return

        if (waiting := self._waiting.take(number)) is None:  # all was given up
            return

        run = self.runs[number]

        if not is_ours:
            self.runs.forget(number)
            return

        self._begin(number, waiting.graph)
        now = time.monotonic()

        if (reason := run.ending.reason) is not None:
            how = waiting.killed
            self.carry_out(self._plan.canceled(number, reason, now, killed=how))

        for place, reason in waiting.canceled:
            if number in self.runs:
                self.carry_out(self._plan.canceled_job((number, place), reason, now))

        self.slots.fill()  # last: what was cancelled is neither started nor skipped

    def _not_begun(self, number: int, error: Exception) -> None:
        """End a run that could not begin."""
        waiting = self._waiting.take(number)

        if number not in self.runs:  # all was given up
            return

        run, why = self.runs[number], f"it was not started: {error}"
        run.ending.fail(error)

        if self._plan.has_run(number):
            self.cancel(run, why)
            return

        self.runs.forget(number)

        if waiting is not None:
            self._watch(run)

        lose(run, time.time(), why)

    def _watch(self, run: Run) -> None:
        run.watched_by = self.watchers

        for watcher in self.watchers:
            watcher.take(run)

    def _begin(self, number: int, graph: Graph) -> bool:
        """Have the plan take a run; tell whether slots may ask for its jobs now."""
        run = self.runs.by_number[number]
        self._watch(run)
        share = self._admission.share
        is_new = not run.is_adopted

        try:
            instructions = self._plan.submitted(
                number,
                graph,
                run.dag.ids,
                stop=run.options.on_failure == "stop",
                ended={} if is_new else run.table.ended(),
                priority=run.options.priority,
                needs=run.dag.needs if is_new else needs_of(run),
                admit=share,
                now=time.monotonic(),
            )
        except Exception as error:  # what the plan has of it now, nobody knows
            self.group.fail(error)
            raise

        if run.is_paused:
            self._plan.paused(number)

        self.carry_out(instructions)

        if (limit := run.options.run_timeout) is not None and number in self.runs:
            self._timeouts.watch(number, run.submitted, limit)

        self._admission.took(len(run.tasks))
        return bool(share)

    def cancel(self, run: Run, reason: str) -> None:
        """Ask for the end of a run; a run that has ended stays what it is."""
        number = self.runs.number(run)

        if number is not None:
            run.ending.cancel(reason)
            self.data_waits.end(number)
            self.carry_out(self._plan.canceled(number, reason, time.monotonic()))
            self.slots.fill()

    def cancel_job(self, run: Run, place: int, reason: str) -> None:
        """Ask for the end of a job, by its place; one that has ended stays what it is."""
        number = self.runs.number(run)

        if number is None:
            return

        run.ending.cancel_job(place)

        if number in self._waiting:
            self._waiting.cancel(number, place, reason)
        else:
            ref = number, place
            self.carry_out(self._plan.canceled_job(ref, reason, time.monotonic()))
            self.slots.fill()

    def resume(self) -> None:
        """Start jobs again after the store was away."""
        self.in_flight.batcher.is_paused = False
        self.slots.fill()

    @property
    def workers(self) -> int:
        """How many worker processes are alive."""
        executors = {id(executor): executor for executor in self.executors.values()}
        return sum(executor.workers for executor in executors.values())

    def stop(self, reason: str, *, leave: bool = False) -> None:
        """Ask for the end of every run.

        Those that were adopted end here alone: to the store they go on.

        :param leave: whether that holds for all, where the store outlives us
        """
        if self.runs.is_broken:  # they are given up
            return

        self.in_flight.hold()

        for run, number in self.runs.numbered():
            is_left = run.is_adopted or (
                self.runs.is_durable and (leave or run.is_paused)
            )

            if is_left and run.ending.cancel_reason is None:
                self.runs.interrupt(number, reason)
                self.data_waits.end(number)
                self.carry_out(self._plan.canceled(number, reason, time.monotonic()))
            else:
                self.cancel(run, reason)

    async def until_begun(self, run: Run) -> None:
        """Wait until it is known whether a run is ours.

        :raises Exception: what it could not begin for
        """
        await self._waiting.until_begun(self.runs.number(run))

        if run.ending.failure is not None:
            raise run.ending.failure

    def will_be_written(self, node: NodeState) -> bool:
        """Tell whether a job that has not ended writes a data node."""
        return self._plan.will_be_written(node.key, group_of(node)) or (
            self._waiting.will_write(node.key)
        )

    async def show_rest(self) -> None:
        """Show the last output of jobs, if somebody reads it."""
        await self._echo.close()

    def fail(self, error: Exception) -> None:
        """End all runs, and tell who waits: the engine cannot go on."""
        failed = OrchestratorFailed.of(error)
        self.in_flight.fail()
        self.give_up(f"the orchestrator failed: {failed.reason}", failed)

    def give_up(self, reason: str, error: Exception | None = None) -> None:
        """End the runs that nobody drives any more: after an error of ours.

        :param error: what who awaits one is told; None for the reason alone
        """
        self.in_flight.give_up()
        self._timeouts.stop_all()
        self.runs.lose(time.time(), reason, error)
        self._waiting.give_up()

    def admit(self, count: int) -> None:
        """Have the plan admit so many jobs, and start what can run."""
        self.carry_out(self._plan.admitted(count, time.monotonic()))
        self.slots.fill()

    def carry_out(self, instructions: Sequence[Instruction]) -> None:
        """Do what the plan says; an error in one run ends that run alone."""
        if not instructions:
            return

        now = time.time()
        kills: list[Kill] = []

        for instruction in instructions:
            if isinstance(instruction, Kill):
                kills.append(instruction)
                continue

            try:
                self._do(instruction, now)
            except Exception as error:  # the others are of other jobs, or other runs
                self._not_done(instruction, error)

        if kills:
            self.in_flight.kill(kills)

    def _do(self, instruction: Instruction, now: float) -> None:
        match instruction:
            case MakeReady(number, places):
                self.runs.by_number[number].wait_for(Status.PENDING, places, now)
            case Block(number, places):
                self.runs.by_number[number].wait_for(Status.BLOCKED, places, now)
            case End(ref, status, reason):
                job = self.runs.job(ref)
                job.move(status, now, reason)
                self.runs.save(ref[0], status, job.record())
            case Finish(number):
                self._finish(number, now)

    def _not_done(self, instruction: Instruction, error: Exception) -> None:
        """Take note of an error in one run; it is told to who awaits that."""
        if self.runs.is_broken:
            return

        _logger.error("%r could not be carried out", instruction, exc_info=error)
        match instruction:
            case End(ref) | Kill(ref):
                number = ref[0]
            case Block(number) | MakeReady(number) | Finish(number):
                pass

        if number in self.runs:
            self.runs[number].ending.fail(error)

    def time_out(self, number: int) -> None:
        """End a run that has taken too long: what runs has failed."""
        limit = self.runs[number].options.run_timeout
        why = f"TIMED_OUT: the run took longer than its run_timeout of {limit:g} s"
        self.runs[number].ending.cancel(why)
        self.data_waits.end(number, Status.FAILED)
        now = time.monotonic()
        self.carry_out(self._plan.canceled(number, why, now, killed=Status.FAILED))
        self.slots.fill()

    def _finish(self, number: int, now: float) -> None:
        if self.runs.by_number[number].options.run_timeout is not None:
            self._timeouts.stop(number)

        self.in_flight.forget(number)
        self.runs.finish(number, now)

    def is_stopping(self) -> bool:
        """Tell whether what runs is being cancelled."""
        return self.group.is_failing or is_canceled()
