"""Readiness: which jobs can run, and which has a slot. Pure, as the plan is."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from asyncflow.plan.instructions import Block, Instruction, MakeReady, Ref
from asyncflow.plan.queues import NO_NEEDS, Needs, Queues
from asyncflow.plan.run_order import NodeOrder
from asyncflow.plan.run_state import RunState
from asyncflow.status import Status

_SUBMITTED, _BLOCKED = Status.SUBMITTED, Status.BLOCKED
_PENDING, _RUNNING = Status.PENDING, Status.RUNNING
"""Bound here: to ask a class of Python's enums for one takes as long as all else."""


class Readiness:
    """The half of the plan that says who may start.

    :param resources: how much there is of each named resource
    """

    def __init__(self, resources: Needs = NO_NEEDS) -> None:
        self.resources = resources
        self.ready: int = 0
        """How many jobs wait for a slot."""
        self._runs: dict[int, RunState] = {}
        self._takers: dict[Ref, Needs] = {}
        """The jobs that have a slot and named resources."""
        self._arrivals: deque[int] = deque()
        """The runs that have jobs which were not admitted yet, in their order."""

        self._queues = Queues(self)
        self._node_order = NodeOrder(self._runs, self._check_ready)

    @property
    def has_arrivals(self) -> bool:
        """Whether jobs wait to be admitted."""
        return bool(self._arrivals) or self._node_order.has_late

    def admitted(self, count: int, now: float = 0.0) -> list[Instruction]:
        """Take the time to admit jobs: only then they count for others.

        :param count: how many at most
        """
        instructions: list[Instruction] = []

        if self._node_order.has_late:
            count = self._node_order.register_late(count)

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

    def has_run(self, run: int) -> bool:
        """Tell whether a run was submitted, and has not been forgotten."""
        return run in self._runs

    def has_slot(self, ref: Ref) -> bool:
        """Tell whether a job has a slot, and has not ended."""
        state = self._runs.get(ref[0])
        return state is not None and state.status[ref[1]] is _RUNNING

    def next(self, now: float = 0.0) -> Ref | None:
        """Tell which job `offered` gives next; None where none can start."""
        return self._queues.next(now, self._fits)

    def offered(
        self, now: float = 0.0, accepts: Callable[[Ref], bool] | None = None
    ) -> Ref | None:
        """Give the job whose turn it is to a free slot; None where none can start.

        :param now: in seconds, from any beginning; see `Queues`
        :param accepts: tells whether that job is wanted; otherwise it keeps its turn
        """
        ref = self._queues.take(now, self._fits, accepts)

        if ref is not None:
            self._take_slots([ref])

        return ref

    def offered_together(
        self,
        count: int,
        now: float = 0.0,
        accepts: Callable[[Ref], bool] | None = None,
    ) -> list[Ref]:
        """Give the jobs whose turn it is to one free slot; see `offered`.

        :param count: how many at most
        """
        refs = self._queues.take_together(count, now, accepts)

        if refs:
            self._take_slots(refs)
        elif self.ready and (ref := self.offered(now, accepts)) is not None:
            refs.append(ref)

        return refs

    def follower(self, ref: Ref) -> Ref | None:
        """Tell which job needs nothing but one that has a slot, if it is the only one that
        needs that: the next link of a chain. None where there is no such job.
        """
        run, index = ref
        state = self._runs[run]
        successors = state.graph.successors[index]

        if len(successors) != 1 or state.stopped or state.paused:
            return None

        (after,) = successors
        is_free = (
            state.status[after] is _BLOCKED
            and state.waits_for_jobs[after] == 1
            and not state.waits_for_runs[after]
            and after not in state.job_needs
        )
        return (run, after) if is_free else None

    def followed(self, ref: Ref) -> None:
        """Give a `follower` to the slot of the one that it needs."""
        self._runs[ref[0]].status[ref[1]] = _RUNNING

    def returned(self, ref: Ref, now: float = 0.0) -> None:
        """Take a job back that had a slot and did not start: its turn is next."""
        state = self._runs[ref[0]]
        self._takers.pop(ref, None)

        if state.waits_for_jobs[ref[1]]:
            state.status[ref[1]] = _BLOCKED
        else:
            self._put(ref, state, now, first=True)

    def paused(self, run: int) -> None:
        """Take the wish that no job of a run starts until it is `resumed`."""
        state = self._runs.get(run)

        if state is not None and not state.paused:
            state.paused = True
            self._queues.drop(run)
            self.ready -= state.status.count(_PENDING)

    def resumed(self, run: int, now: float = 0.0) -> None:
        """Take the wish that the jobs of a run start again."""
        state = self._runs.get(run)

        if state is not None and state.paused:
            state.paused = False
            ready = [at for at, status in enumerate(state.status) if status is _PENDING]

            if ready:
                self._put_all(run, ready, state, now)

    def postponed(self, ref: Ref) -> None:
        """Take a job back that is to run again, but not yet; see `due`."""
        self._takers.pop(ref, None)
        self._runs[ref[0]].status[ref[1]] = _BLOCKED

    def due(self, ref: Ref, now: float = 0.0) -> list[Instruction]:
        """Take the time of a job that was postponed."""
        instructions: list[Instruction] = []
        state = self._runs.get(ref[0])

        if state is not None:
            self._check_ready(ref, state, instructions, now)

        return instructions

    def _leave_ready(self, state: RunState) -> None:
        """Take note that a job of a run is not ready any more."""
        if not state.paused:
            self.ready -= 1

    def is_ready(self, run: int, index: int) -> bool:
        """Tell whether a job waits for a slot."""
        state = self._runs.get(run)
        return state is not None and state.status[index] is _PENDING

    def _fits(self, needs: Needs) -> bool:
        """Tell whether there is enough beside what those take that have a slot."""
        return not needs or all(
            amount + sum(taken.get(name, 0) for taken in self._takers.values())
            <= self.resources.get(name, 0)
            for name, amount in needs.items()
        )

    def _take_slots(self, refs: Sequence[Ref]) -> None:
        self.ready -= len(refs)

        for run, index in refs:
            state = self._runs[run]
            state.status[index] = _RUNNING

            if state.job_needs and index in state.job_needs:
                self._takers[run, index] = state.job_needs[index]

    def _put(
        self, ref: Ref, state: RunState, now: float, *, first: bool = False
    ) -> None:
        run, index = ref
        state.status[index] = _PENDING

        if state.paused:
            return

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
        status, needs, order = state.status, state.waits_for_jobs, state.waits_for_runs

        for index in places:
            if status[index] is not _SUBMITTED:
                continue

            if state.is_ordered:
                self._node_order.register((run, index), state)

            if needs[index] or order[index]:
                status[index] = _BLOCKED
                blocked.append(index)
            else:
                ready.append(index)

        instructions: list[Instruction] = []

        if ready:
            self._put_all(run, ready, state, now)
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
            state.status[index] = _PENDING

        if state.paused:
            return

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
        state.waits_for_jobs[index] -= 1

        if not state.waits_for_jobs[index]:
            self._check_ready((run, index), state, instructions, now)

    def _check_ready(
        self, ref: Ref, state: RunState, instructions: list[Instruction], now: float
    ) -> None:
        run, index = ref

        if (
            state.status[index] is not _BLOCKED
            or state.waits_for_jobs[index]
            or state.waits_for_runs[index]
        ):
            return

        self._put(ref, state, now)
        last = instructions[-1] if instructions else None

        if isinstance(last, MakeReady) and last.run == run:
            last.places.append(index)
        else:
            instructions.append(MakeReady(run, [index]))
