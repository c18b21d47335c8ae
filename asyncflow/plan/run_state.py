"""The state of a run, as the plan sees it. Pure, as the plan is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from asyncflow.plan.graph import Graph
from asyncflow.plan.instructions import Ref
from asyncflow.plan.queues import Needs
from asyncflow.status import Status


@attrs.define(eq=False, repr=False)
class RunState:
    """A run: the state of its jobs, each list by place."""

    graph: Graph
    stop: bool
    """Whether a failure ends the rest."""
    names: Sequence[str]
    """How reasons call the jobs."""
    priority: float
    job_needs: Mapping[int, Needs]
    """The named resources of those jobs that need some."""
    open: int = attrs.field(init=False)
    """How many jobs have not ended."""
    waits_for_jobs: list[int] = attrs.field(init=False)
    """How many jobs that it needs have not ended well."""
    waits_for_runs: list[int] = attrs.field(init=False)
    """How many jobs of earlier runs it has to wait for."""
    status: list[Status] = attrs.field(init=False)
    admitted: int = attrs.field(init=False, default=0)
    """How many jobs were admitted: those at the first places."""
    followers: dict[int, list[Ref]] = attrs.field(init=False, factory=dict)
    """The jobs of later runs that wait for a job."""
    is_ordered: bool = attrs.field(init=False, default=False)
    """Whether its jobs have places in the order between runs: others use its nodes."""
    places_held: int = attrs.field(init=False)
    """How many jobs still keep a place in the order between runs."""
    stopped: bool = attrs.field(init=False, default=False)
    paused: bool = attrs.field(init=False, default=False)
    """Whether its ready jobs are in no queue."""
    finished: bool = attrs.field(init=False, default=False)

    def __attrs_post_init__(self) -> None:
        count = len(self.graph.successors)
        self.open = self.places_held = count
        self.waits_for_jobs = list(self.graph.predecessors)
        self.waits_for_runs = [0] * count
        self.status = [Status.SUBMITTED] * count

    def why_abandoned(self, cause: int) -> str:
        """Say why jobs end that need one which has no result."""
        return f"it needs {self.names[cause]}, which {_VERBS[self.status[cause]]}"


_VERBS = {
    Status.FAILED: "failed",
    Status.CANCELED: "was cancelled",
    Status.ABANDONED: "was abandoned",
}
