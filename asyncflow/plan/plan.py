"""The plan: what to do, decided from what has happened.

Pure: no await, no clock, no identifiers made, no log. Each method is an event; it returns
the instructions that follow. A job is named by its run (a number) and its place in it.

Two rules decide when a job is ready. Inside a run it waits for the jobs that write its
inputs. Between runs, jobs that touch one data node keep the order of their submission:
see `_order`. Such an order is not a need: whatever becomes of the earlier job, the later
one goes on.

All edges point from earlier to later, so nothing can wait in a circle. `_readiness` says
who can start, and `_queues` whose turn it is among those. The cost is linear in the edges.
As it may be much for a large run, jobs are *admitted* to these rules a few at a time, in
the order of submission; nobody can run before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from asyncflow.plan.graph import Graph
from asyncflow.plan.instructions import End, Finish, Instruction, Kill, Ref
from asyncflow.plan.queues import Needs
from asyncflow.plan.readiness import Readiness
from asyncflow.plan.run_state import RunState
from asyncflow.status import DONE, FINAL, Status

_WAITING = frozenset({Status.SUBMITTED, Status.BLOCKED})


class Plan(Readiness):
    """The state of all runs: takes what happens to them.

    :param resources: how much there is of each named resource
    """

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
        admit: int = 0,
        now: float = 0.0,
    ) -> list[Instruction]:
        """Take a run. Its jobs wait to be admitted, or are at once.

        :param names: for each job, how reasons call it
        :param stop: whether a failure ends the rest of the run
        :param priority: its ready jobs go before those of runs with a lower one
        :param needs: the named resources of those jobs that need some
        :param ended: how jobs ended before, where the run goes on after a crash
        :param admit: how many jobs are `admitted` at once, after those that wait
        """
        if not graph.successors:
            return [Finish(run)]

        state = RunState(graph, stop, names, priority, needs)
        self._runs[run] = state
        self._node_order.enter(run, state)
        self._arrivals.append(run)
        instructions: list[Instruction] = []

        if ended:
            self._resume(run, state, ended, instructions)

        if admit:
            instructions += Plan.admitted(self, admit, now)  # without another guard

        return instructions

    def completed(self, refs: Sequence[Ref], now: float = 0.0) -> list[Instruction]:
        """Take the ends of jobs that had slots, and completed."""
        instructions: list[Instruction] = []
        takers, completed = self._takers, Status.COMPLETED

        for ref in refs:
            run, index = ref
            state = self._runs[run]

            if takers:
                takers.pop(ref, None)

            if state.is_ordered or state.graph.successors[index]:
                self._end(ref, state, completed, instructions, now)
            else:  # nobody waits for it: fast
                state.status[index] = completed
                state.open -= 1
                self._node_order.forget(run, state)

            if not state.open:
                self._check_finished(run, state, instructions)

        return instructions

    def ended(self, ref: Ref, status: Status, now: float = 0.0) -> list[Instruction]:
        """Take the end of a job that had a slot."""
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

        :param killed: what those become that have to be killed; where there are none, the
            first that has not started
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
        for run in self._node_order.runs_of(node if group is None else group):
            state = self._runs[run]
            writer = state.graph.writers.get(node)

            if writer is not None and state.status[writer] not in FINAL:
                return True

        return False

    @property
    def is_idle(self) -> bool:
        """Whether every run has finished."""
        return not self._runs and self._node_order.is_empty

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
            self._node_order.forget(run, state)

            if status in DONE:
                for successor in state.graph.successors[index]:
                    state.waits_for_jobs[successor] -= 1

        for index, status in ended.items():
            if status not in DONE:
                self._abandon(run, state, index, instructions, now)

        if Status.CANCELED in ended.values():
            self._stop(run, state, "the run was being cancelled", instructions, now)
        elif state.stop and Status.FAILED in ended.values():
            self._stop(run, state, "the run stops as a job failed", instructions, now)

        self._check_finished(run, state, instructions)

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

        if state.is_ordered:
            self._node_order.release(ref, state, instructions, now)
        else:
            self._node_order.forget(run, state)

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
        """End what has not started, and have killed what runs.

        :param killed: what the latter becomes; where nothing runs, the first that has not
            started, as one has to be what the run is
        """
        state.stopped = True
        ended = Status.CANCELED if Status.RUNNING in state.status else killed

        for index, status in enumerate(state.status):
            if status is Status.RUNNING:
                instructions.append(Kill((run, index), reason, killed))
            elif status in _WAITING or status is Status.PENDING:
                end = End((run, index), ended, reason)
                self._drop(end, state, instructions, now)
                ended = Status.CANCELED

    def _drop(
        self, end: End, state: RunState, instructions: list[Instruction], now: float
    ) -> None:
        """End a job that has no slot."""
        index = end.ref[1]
        was_admitted = state.status[index] is not Status.SUBMITTED
        if state.status[index] is Status.PENDING:
            self._leave_ready(state)

        state.status[index] = end.status
        state.open -= 1
        instructions.append(end)

        if was_admitted and state.is_ordered:
            self._node_order.release(end.ref, state, instructions, now)
        else:
            self._node_order.forget(end.ref[0], state)

    def _check_finished(
        self, run: int, state: RunState, instructions: list[Instruction]
    ) -> None:
        if not state.open and not state.finished:
            state.finished = True
            instructions.append(Finish(run))
