"""The order between runs: jobs that touch one data node keep that of their submission.
Within a run, those that touch one file of the user's by two data nodes keep its order.

Pure, as the plan is. A reader waits for the writers before it, a writer for the writers
and readers before it. A job keeps its place here until it has ended, and those before it.

Only jobs have places whose run shares a group of data nodes with another one. Most runs
are alone with theirs. When a second one comes, the first gets its places, job by job.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import TypeAlias

from asyncflow.plan.instructions import Instruction, Ref
from asyncflow.plan.run_state import RunState
from asyncflow.status import FINAL, Status

CheckReady: TypeAlias = Callable[[Ref, RunState, list[Instruction], float], None]


class NodeOrder:
    """The places of the jobs that were admitted.

    :param runs: by number; a run goes with its last job
    :param check_ready: is called with a job that need not wait here any more
    """

    def __init__(self, runs: dict[int, RunState], check_ready: CheckReady) -> None:
        self.runs = runs
        self.check_ready = check_ready
        self._writers: dict[str, Ref] = {}
        """For each data node, the last job that will write it."""
        self._readers: dict[str, dict[Ref, None]] = {}
        """For each data node, the jobs that will read what this writer writes."""
        self._groups: dict[str, dict[int, None]] = {}
        """For each group of data nodes, the runs that use some of it."""
        self.has_late: bool = False
        """Whether jobs are still to get their places."""
        self._late: deque[tuple[int, int]] = deque()
        """The runs whose jobs get their places late, and up to which job."""
        self._next_late = 0
        """Which of the jobs of the first of these is next."""

    def enter(self, run: int, state: RunState) -> None:
        """Take a run: its jobs, and those of the runs that it meets, need places."""
        for group in state.graph.groups:
            runs = self._groups.setdefault(group, {})

            if runs:
                state.is_ordered = True

                if len(runs) == 1:  # of several, each met another one
                    self._set_order(next(iter(runs)))

            runs[run] = None

        state.is_ordered = state.is_ordered or state.graph.takes_turns

    def runs_of(self, group: str) -> Iterable[int]:
        """Return the runs that use data nodes of a group."""
        return self._groups.get(group, ())

    def register_late(self, count: int) -> int:
        """Give places to jobs that were admitted when their run was alone.

        :param count: to how many at most
        :return: how many are left of these
        """
        while count and self._late:
            run, end = self._late[0]
            state = self.runs.get(run)
            index = self._next_late

            if state is None or index == end:
                self._late.popleft()
                self._next_late = 0
                self.has_late = bool(self._late)
                continue

            self._next_late += 1
            count -= 1

            if state.status[index] not in FINAL:
                self.register((run, index), state)

        return count

    @property
    def is_empty(self) -> bool:
        """Whether no job has a place."""
        return not (self._writers or self._readers or self._groups)

    def register(self, ref: Ref, state: RunState) -> None:
        """Put a job behind those of earlier runs that touch its data nodes."""
        index = ref[1]

        for name in state.graph.reads[index]:
            self._wait_for(ref, state, self._writers.get(name))
            self._readers.setdefault(name, {})[ref] = None

        for name in state.graph.writes[index]:
            self._wait_for(ref, state, self._writers.get(name))

            for reader in self._readers.pop(name, ()):
                self._wait_for(ref, state, reader)

            self._writers[name] = ref

    def _set_order(self, run: int) -> None:
        state = self.runs[run]

        if not state.is_ordered:
            state.is_ordered = True
            self._late.append((run, state.admitted))
            self.has_late = True

    def _wait_for(self, ref: Ref, state: RunState, earlier: Ref | None) -> None:
        if earlier is None or earlier == ref:
            return

        # The graph orders what one run does to a data node, but not to a file of two.
        if earlier[0] != ref[0] or state.graph.takes_turns:
            self.runs[earlier[0]].followers.setdefault(earlier[1], []).append(ref)
            state.waits_for_runs[ref[1]] += 1

    def release(
        self, ref: Ref, state: RunState, instructions: list[Instruction], now: float
    ) -> None:
        """Let those go on that come after a job that has ended, of a run that is ordered.

        A job that ended before its turn keeps its place in the order until those before
        it have ended too: who comes after it comes after them.
        """
        if not state.followers and not state.waits_for_runs[ref[1]]:
            self._leave(ref, state)
            return

        waiting = [(ref, state)]

        while waiting:
            (run, index), state = waiting.pop()

            if state.waits_for_runs[index]:
                continue

            self._leave((run, index), state)

            for follower in state.followers.pop(index, ()):
                later = self.runs[follower[0]]
                later.waits_for_runs[follower[1]] -= 1

                if later.waits_for_runs[follower[1]]:
                    continue

                if later.status[follower[1]] is Status.BLOCKED:
                    self.check_ready(follower, later, instructions, now)
                else:
                    waiting.append((follower, later))

    def _leave(self, ref: Ref, state: RunState) -> None:
        """Forget that a job uses its data nodes; with the last job, forget the run."""
        self.forget(ref[0], state)

        for name in state.graph.reads[ref[1]]:
            readers = self._readers.get(name)

            if readers is not None:
                readers.pop(ref, None)

                if not readers:
                    del self._readers[name]

        for name in state.graph.writes[ref[1]]:
            if self._writers.get(name) == ref:
                del self._writers[name]

    def forget(self, run: int, state: RunState) -> None:
        """Let a job's place in the order go, and the run with its last one."""
        state.places_held -= 1

        if not state.places_held:
            del self.runs[run]

            for group in state.graph.groups:
                self._groups[group].pop(run)

                if not self._groups[group]:
                    del self._groups[group]
