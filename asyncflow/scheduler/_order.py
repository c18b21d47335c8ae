"""The order between runs: jobs that touch one data node keep that of their submission.

Pure, as the plan is. A reader waits for the writers before it, a writer for the writers
and readers before it. A job keeps its place here until it has ended, and those before it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import attrs

from asyncflow.entities.job import Status
from asyncflow.scheduler._instructions import Instruction, Ref
from asyncflow.scheduler._run_state import RunState

CheckReady: TypeAlias = Callable[[Ref, RunState, list[Instruction], float], None]


@attrs.define(eq=False, repr=False)
class Order:
    """The places of all jobs that were admitted.

    :param runs: by number; a run goes with its last job
    :param check_ready: is called with a job that need not wait here any more
    """

    runs: dict[int, RunState]
    check_ready: CheckReady
    _writers: dict[str, Ref] = attrs.field(init=False, factory=dict)
    """For each data node, the last job that will write it."""
    _readers: dict[str, dict[Ref, None]] = attrs.field(init=False, factory=dict)
    """For each data node, the jobs that will read what this writer writes."""

    def will_be_written(self, node: str) -> bool:
        """Tell whether a job writes this data node."""
        return node in self._writers

    @property
    def is_empty(self) -> bool:
        """Whether no job has a place."""
        return not (self._writers or self._readers)

    def register(self, ref: Ref, state: RunState) -> None:
        """Put a job behind those of earlier runs that touch its data nodes."""
        index = ref[1]

        for name in state.graph.reads[index]:
            self._follow(ref, state, self._writers.get(name))
            self._readers.setdefault(name, {})[ref] = None

        for name in state.graph.writes[index]:
            self._follow(ref, state, self._writers.get(name))

            for reader in self._readers.pop(name, ()):
                self._follow(ref, state, reader)

            self._writers[name] = ref

    def _follow(self, ref: Ref, state: RunState, earlier: Ref | None) -> None:
        if earlier is not None and earlier[0] != ref[0]:
            self.runs[earlier[0]].followers.setdefault(earlier[1], []).append(ref)
            state.order[ref[1]] += 1

    def release(
        self, ref: Ref, state: RunState, instructions: list[Instruction], now: float
    ) -> None:
        """Let those go on that come after a job, once it has ended.

        A job that ended before its turn keeps its place in the order until those before
        it have ended too: who comes after it comes after them.
        """
        if not state.followers and not state.order[ref[1]]:  # the usual case
            self._leave(ref, state)
            return

        waiting = [(ref, state)]

        while waiting:
            (run, index), state = waiting.pop()

            if state.order[index]:
                continue

            self._leave((run, index), state)

            for follower in state.followers.pop(index, ()):
                later = self.runs[follower[0]]
                later.order[follower[1]] -= 1

                if later.order[follower[1]]:
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
        state.kept -= 1

        if not state.kept:
            del self.runs[run]
