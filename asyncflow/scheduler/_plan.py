"""The plan: what to do, decided from what has happened.

Pure: no await, no clock, no identifiers made, no log. Each method is an event; it returns
the instructions that follow. A job is named by its run (a number) and its place in it.

Two rules decide when a job is ready. Inside a run it waits for the jobs that write its
inputs. Between runs, jobs that touch one data node keep the order of their submission:
see `_order`. Such an order is not a need: whatever becomes of the earlier job, the later
one goes on.

All edges point from earlier to later, so nothing can wait in a circle. Whose turn it is
among the ready ones, `_queues` says. The cost is linear in the edges. As it may be much
for a large run, jobs are *admitted* to these rules a few at a time, in the order of
submission; nobody can run before.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import attrs

from asyncflow.entities.graph import Graph
from asyncflow.entities.job import DONE, FINAL, Status
from asyncflow.scheduler._instructions import (
    Block,
    End,
    Finish,
    Instruction,
    Kill,
    MakeReady,
    Ref,
)
from asyncflow.scheduler._order import Order
from asyncflow.scheduler._queues import NO_NEEDS, Needs, Queues
from asyncflow.scheduler._run_state import RunState

_WAITING = frozenset({Status.SUBMITTED, Status.BLOCKED})


@attrs.define(eq=False, repr=False)
class Plan:
    """The state of all runs.

    :param resources: how much there is of each named resource
    """

    resources: Needs = NO_NEEDS
    ready: int = attrs.field(init=False, default=0)
    """How many jobs wait for a seat."""
    _runs: dict[int, RunState] = attrs.field(init=False, factory=dict)
    _order: Order = attrs.field(init=False)
    _queues: Queues = attrs.field(init=False)
    _takers: dict[Ref, Needs] = attrs.field(init=False, factory=dict)
    """The jobs that have a seat and named resources."""
    _arrivals: deque[int] = attrs.field(init=False, factory=deque)
    """The runs that have jobs which were not admitted yet, in their order."""

    def __attrs_post_init__(self) -> None:
        self._queues = Queues(self._is_ready)
        self._order = Order(self._runs, self._check_ready)

    def submitted(
        self,
        run: int,
        graph: Graph,
        names: Sequence[str],
        *,
        stop: bool = False,
        ended: Mapping[int, Status] = MappingProxyType({}),
        priority: float = 0.0,
        needs: Mapping[int, Needs] = MappingProxyType({}),
    ) -> list[Instruction]:
        """Take a run. Its jobs wait to be admitted.

        :param names: for each job, how reasons call it
        :param stop: whether a failure ends the rest of the run
        :param priority: its ready jobs go before those of runs with a lower one
        :param needs: the named resources of those jobs that need some
        :param ended: how jobs ended before, where the run goes on after a crash
        """
        if not graph.successors:
            return [Finish(run)]

        state = RunState(graph, stop, names, priority, needs)
        self._runs[run] = state
        self._order.enter(run, state)
        self._arrivals.append(run)
        instructions: list[Instruction] = []

        if ended:
            self._resume(run, state, ended, instructions)

        return instructions

    def admitted(self, count: int, now: float = 0.0) -> list[Instruction]:
        """Take the time to admit jobs: only then they count for others.

        :param count: how many at most
        """
        instructions: list[Instruction] = []
        count = self._order.register_late(count)

        while count and self._arrivals:
            run = self._arrivals[0]
            state = self._runs.get(run)

            if state is None or state.admitted == len(state.status):
                self._arrivals.popleft()
                continue

            end = min(state.admitted + count, len(state.status))
            count -= end - state.admitted
            instructions += self._admit(run, state, end, now)

        return instructions

    @property
    def has_arrivals(self) -> bool:
        """Whether jobs wait to be admitted."""
        return bool(self._arrivals) or self._order.has_late

    def next(self, now: float = 0.0) -> Ref | None:
        """Tell which job `offered` gives next; None where none can start."""
        return self._queues.next(now, self._fits)

    def offered(
        self, now: float = 0.0, accepts: Callable[[Ref], bool] | None = None
    ) -> Ref | None:
        """Give the job whose turn it is to a free seat; None where none can start.

        :param now: in seconds, from any beginning; see `Queues`
        :param accepts: tells whether that job is wanted; otherwise it keeps its turn
        """
        ref = self._queues.take(now, self._fits, accepts)

        if ref is not None:
            self.ready -= 1
            self._seat(ref)

        return ref

    def offered_together(
        self,
        count: int,
        now: float = 0.0,
        accepts: Callable[[Ref], bool] | None = None,
    ) -> list[Ref]:
        """Give the jobs whose turn it is to one free seat; see `offered`.

        :param count: how many at most
        """
        refs = self._queues.take_together(count, now, accepts)
        self.ready -= len(refs)

        for run, index in refs:
            self._runs[run].status[index] = Status.RUNNING

        if not refs and (ref := self.offered(now, accepts)) is not None:
            refs.append(ref)

        return refs

    def follower(self, ref: Ref) -> Ref | None:
        """Tell which job needs nothing but a seated one, if it is the only one that
        needs that: the next link of a chain. None where there is no such job.
        """
        run, index = ref
        state = self._runs[run]
        successors = state.graph.successors[index]

        if len(successors) != 1 or state.stopped:
            return None

        (after,) = successors
        is_free = (
            state.status[after] is Status.BLOCKED
            and state.needs[after] == 1
            and not state.order[after]
            and after not in state.job_needs
        )
        return (run, after) if is_free else None

    def followed(self, ref: Ref) -> None:
        """Give a `follower` to the seat of the one that it needs."""
        self._runs[ref[0]].status[ref[1]] = Status.RUNNING

    def returned(self, ref: Ref, now: float = 0.0) -> None:
        """Take a job back that had a seat and did not start: its turn is next."""
        state = self._runs[ref[0]]
        self._takers.pop(ref, None)

        if state.needs[ref[1]]:
            state.status[ref[1]] = Status.BLOCKED
        else:
            self._put(ref, state, now, first=True)

    def postponed(self, ref: Ref) -> None:
        """Take a job back that is to run again, but not yet; see `due`."""
        self._takers.pop(ref, None)
        self._runs[ref[0]].status[ref[1]] = Status.BLOCKED

    def due(self, ref: Ref, now: float = 0.0) -> list[Instruction]:
        """Take the time of a job that was postponed."""
        instructions: list[Instruction] = []
        state = self._runs.get(ref[0])

        if state is not None:
            self._check_ready(ref, state, instructions, now)

        return instructions

    def completed(self, refs: Sequence[Ref], now: float = 0.0) -> list[Instruction]:
        """Take the ends of jobs that had seats, and completed."""
        instructions: list[Instruction] = []

        for ref in refs:
            run, index = ref
            state = self._runs[run]

            if self._takers:
                self._takers.pop(ref, None)

            state.status[index] = Status.COMPLETED
            state.open -= 1
            self._order.release(ref, state, instructions, now)

            for successor in state.graph.successors[index]:
                self._satisfy(run, successor, state, instructions, now)

            if not state.open:
                self._check_finished(run, state, instructions)

        return instructions

    def ended(self, ref: Ref, status: Status, now: float = 0.0) -> list[Instruction]:
        """Take the end of a job that had a seat."""
        run, index = ref
        state = self._runs[run]
        self._takers.pop(ref, None)
        instructions: list[Instruction] = []
        self._end(ref, state, status, instructions, now)

        if status is Status.FAILED and state.stop and not state.stopped:
            reason = f"the run stops as {state.names[index]} failed"
            self._stop(run, state, reason, instructions, now)

        self._check_finished(run, state, instructions)
        return instructions

    def canceled(
        self,
        run: int,
        reason: str,
        now: float = 0.0,
        *,
        killed: Status = Status.CANCELED,
    ) -> list[Instruction]:
        """Take the wish to end a run; nothing follows where it has ended.

        :param killed: what those become that have to be killed
        """
        instructions: list[Instruction] = []

        state = self._runs.get(run)

        if state is not None and not state.stopped:
            self._stop(run, state, reason, instructions, now, killed=killed)
            self._check_finished(run, state, instructions)

        return instructions

    def canceled_job(
        self, ref: Ref, reason: str, now: float = 0.0
    ) -> list[Instruction]:
        """Take the wish to end one job; nothing follows where it has ended."""
        instructions: list[Instruction] = []
        state = self._runs.get(ref[0])
        status = state.status[ref[1]] if state is not None else None

        if state is None:
            return instructions

        if status is Status.RUNNING:
            instructions.append(Kill(ref, reason))
        elif status in _WAITING or status is Status.PENDING:
            end = End(ref, Status.CANCELED, reason)
            self._drop(end, state, instructions, now)
            self._abandon(ref[0], state, ref[1], instructions, now)
            self._check_finished(ref[0], state, instructions)

        return instructions

    def will_be_written(self, node: str, group: str | None = None) -> bool:
        """Tell whether a job that has not ended writes this data node.

        :param group: the group that it is in; None for one of its own
        """
        for run in self._order.runs_of(node if group is None else group):
            state = self._runs[run]
            writer = state.graph.writers.get(node)

            if writer is not None and state.status[writer] not in FINAL:
                return True

        return False

    @property
    def is_idle(self) -> bool:
        """Whether every run has finished."""
        return not self._runs and self._order.is_empty

    def _resume(
        self,
        run: int,
        state: RunState,
        ended: Mapping[int, Status],
        instructions: list[Instruction],
    ) -> None:
        """Take note of the jobs that ended before; go on with what followed.

        Nobody of the run was admitted yet, so nothing becomes ready by it.
        """
        now = 0.0

        for index, status in ended.items():
            state.status[index] = status
            state.open -= 1
            self._order.forget(run, state)

            if status in DONE:
                for successor in state.graph.successors[index]:
                    state.needs[successor] -= 1

        for index, status in ended.items():
            if status not in DONE:
                self._abandon(run, state, index, instructions, now)

        if Status.CANCELED in ended.values():
            self._stop(run, state, "the run was being cancelled", instructions, now)
        elif state.stop and Status.FAILED in ended.values():
            self._stop(run, state, "the run stops as a job failed", instructions, now)

        self._check_finished(run, state, instructions)

    def _is_ready(self, run: int, index: int) -> bool:
        state = self._runs.get(run)
        return state is not None and state.status[index] is Status.PENDING

    def _fits(self, needs: Needs) -> bool:
        """Tell whether there is enough beside what those take that have a seat."""
        return not needs or all(
            amount + sum(taken.get(name, 0) for taken in self._takers.values())
            <= self.resources.get(name, 0)
            for name, amount in needs.items()
        )

    def _seat(self, ref: Ref) -> None:
        run, index = ref
        state = self._runs[run]
        state.status[index] = Status.RUNNING

        if index in state.job_needs:
            self._takers[ref] = state.job_needs[index]

    def _put(
        self, ref: Ref, state: RunState, now: float, *, first: bool = False
    ) -> None:
        run, index = ref
        state.status[index] = Status.PENDING
        needs = state.job_needs.get(index, NO_NEEDS)
        self._queues.put(run, index, state.priority, needs, now, first=first)
        self.ready += 1

    def _admit(
        self, run: int, state: RunState, end: int, now: float
    ) -> list[Instruction]:
        """Admit the next jobs of a run.

        :param end: up to which one
        """
        places = range(state.admitted, end)
        state.admitted = end
        ready: list[int] = []
        blocked: list[int] = []
        status, needs, order = state.status, state.needs, state.order

        for index in places:
            if status[index] is not Status.SUBMITTED:
                continue

            if state.is_ordered:
                self._order.register((run, index), state)

            if needs[index] or order[index]:
                status[index] = Status.BLOCKED
                blocked.append(index)
            else:
                ready.append(index)

        self._put_all(run, ready, state, now)
        instructions: list[Instruction] = []

        if ready:
            instructions.append(MakeReady(run, ready))

        if blocked:
            instructions.append(Block(run, blocked))

        return instructions

    def _put_all(
        self, run: int, places: Sequence[int], state: RunState, now: float
    ) -> None:
        if state.job_needs:
            for index in places:
                self._put((run, index), state, now)

            return

        for index in places:
            state.status[index] = Status.PENDING

        self._queues.put_all(run, places, state.priority, now)
        self.ready += len(places)

    def _satisfy(
        self,
        run: int,
        index: int,
        state: RunState,
        instructions: list[Instruction],
        now: float,
    ) -> None:
        """Take note that something that a job needs is there."""
        state.needs[index] -= 1

        if not state.needs[index]:
            self._check_ready((run, index), state, instructions, now)

    def _check_ready(
        self, ref: Ref, state: RunState, instructions: list[Instruction], now: float
    ) -> None:
        run, index = ref

        if (
            state.status[index] is not Status.BLOCKED
            or state.needs[index]
            or state.order[index]
        ):
            return

        self._put(ref, state, now)
        last = instructions[-1] if instructions else None

        if isinstance(last, MakeReady) and last.run == run:
            last.places.append(index)
        else:
            instructions.append(MakeReady(run, [index]))

    def _end(
        self,
        ref: Ref,
        state: RunState,
        status: Status,
        instructions: list[Instruction],
        now: float,
    ) -> None:
        """End a job, and free or abandon those that need it."""
        run, index = ref
        state.status[index] = status
        state.open -= 1
        self._order.release(ref, state, instructions, now)

        if status in DONE:
            for successor in state.graph.successors[index]:
                self._satisfy(run, successor, state, instructions, now)
        else:
            self._abandon(run, state, index, instructions, now)

    def _abandon(
        self,
        run: int,
        state: RunState,
        failed: int,
        instructions: list[Instruction],
        now: float,
    ) -> None:
        """End all that needs a job which has no result."""
        waiting = [failed]

        while waiting:
            cause = waiting.pop()
            reason = state.why_abandoned(cause)

            for index in state.graph.successors[cause]:
                if state.status[index] in _WAITING:
                    end = End((run, index), Status.ABANDONED, reason)
                    self._drop(end, state, instructions, now)
                    waiting.append(index)

    def _stop(
        self,
        run: int,
        state: RunState,
        reason: str,
        instructions: list[Instruction],
        now: float,
        *,
        killed: Status = Status.CANCELED,
    ) -> None:
        """End what has not started, and have killed what runs."""
        state.stopped = True

        for index, status in enumerate(state.status):
            if status is Status.RUNNING:
                instructions.append(Kill((run, index), reason, killed))
            elif status in _WAITING or status is Status.PENDING:
                end = End((run, index), Status.CANCELED, reason)
                self._drop(end, state, instructions, now)

    def _drop(
        self, end: End, state: RunState, instructions: list[Instruction], now: float
    ) -> None:
        """End a job that has no seat."""
        index = end.ref[1]
        was_admitted = state.status[index] is not Status.SUBMITTED
        self.ready -= state.status[index] is Status.PENDING
        state.status[index] = end.status
        state.open -= 1
        instructions.append(end)

        if was_admitted:
            self._order.release(end.ref, state, instructions, now)
        else:
            self._order.forget(end.ref[0], state)

    def _check_finished(
        self, run: int, state: RunState, instructions: list[Instruction]
    ) -> None:
        if not state.open and not state.finished:
            state.finished = True
            instructions.append(Finish(run))
