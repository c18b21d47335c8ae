"""The state of a run, as the plan sees it. Pure, as the plan is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from asyncflow.plan.graph import Graph
from asyncflow.plan.instructions import Ref
from asyncflow.plan.queues import Needs
from asyncflow.status import Status


class RunState:
    """A run: the state of its jobs, each list by place."""

    def __init__(
        self,
        graph: Graph,
        stop: bool,
        names: Sequence[str],
        priority: float,
        job_needs: Mapping[int, Needs],
    ) -> None:
        self.graph = graph
        self.stop = stop
        """Whether a failure ends the rest."""
        self.names = names
        """How reasons call the jobs."""
        self.priority = priority
        self.job_needs = job_needs
        """The named resources of those jobs that need some."""
        self.open: int
        """How many jobs have not ended."""
        self.admitted: int = 0
        """How many jobs were admitted: those at the first places."""
        self.followers: dict[int, list[Ref]] = {}
        """The jobs of later runs that wait for a job."""
        self.is_ordered: bool = False
        """Whether its jobs have places in the order between runs: others use its nodes."""
        self.places_held: int
        """How many jobs still keep a place in the order between runs."""
        self.stopped: bool = False
        self.finished: bool = False

        count = len(self.graph.successors)
        self.open = self.places_held = count
        self.waits_for_jobs: list[int] = list(self.graph.predecessors)
        """How many jobs that it needs have not ended well."""
        self.waits_for_runs: list[int] = [0] * count
        """How many jobs of earlier runs it has to wait for."""
        self.status: list[Status] = [Status.SUBMITTED] * count

    def why_abandoned(self, cause: int) -> str:
        """Say why jobs end that need one which has no result."""
        return f"it needs {self.names[cause]}, which {_VERBS[self.status[cause]]}"


_VERBS = {
    Status.FAILED: "failed",
    Status.CANCELED: "was cancelled",
    Status.ABANDONED: "was abandoned",
}
