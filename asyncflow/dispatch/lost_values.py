"""Values that were lost with the hosts that had them: the jobs that made them run again,
each as a new attempt, for those that read them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from anyio import Event

from asyncflow.abc import Call, Executor, Log, Outcome, Progress, Returned, Store, Watch
from asyncflow.dispatch.attempt import Attempt, call_of, judge
from asyncflow.executors import DEFAULT
from asyncflow.log import logger as _logger
from asyncflow.records import AttemptRecord
from asyncflow.runs.job import added
from asyncflow.runs.node import NodeState, Version
from asyncflow.status import AttemptKind
from asyncflow.values.versions import Versions
from asyncflow.worker.values import place_of

if TYPE_CHECKING:
    from asyncflow.dispatch.runs import Runs
    from asyncflow.plan.instructions import Ref

TRIES = 5
"""How often a job is given to a host that may leave before it begins."""

_AGAIN = "the value of %r was lost with its host: %s, which has made it, runs again"
_NOT_AGAIN = "the value of %r was lost with its host, and is not made again: %s"


class LostValues:
    """Makes values again.

    The slot of the job that needs one is used for that.
    """

    def __init__(
        self,
        store: Store,
        runs: Runs,
        versions: Versions,
        executors: Mapping[str, Executor],
    ) -> None:
        self.store = store
        self.runs = runs
        self.versions = versions
        self.executors = executors
        self._making: dict[Version, Event] = {}
        """What is being made again, and what tells its end."""
        self._calls: dict[Ref, tuple[Executor, Call]] = {}
        """What runs just now, for which jobs."""
        self._canceled: set[Ref] = set()

    async def make_again(self, reader: Attempt) -> bool:
        """Make again what a job was to read; tell whether it can read it now."""
        try:
            return await self._make_inputs(reader, reader.task.input.values())
        finally:
            self._canceled.discard(reader.ref)

    def kill(self, ref: Ref, *, now: bool) -> None:
        """Ask for the end of what is run for a job."""
        if running := self._calls.get(ref):
            self._canceled.add(ref)
            executor, call = running
            executor.kill(call, now=now)

    async def _make_inputs(self, reader: Attempt, nodes: Iterable[NodeState]) -> bool:
        """Make again those of some values that are lost; tell whether any stays in the
        cluster, and all of these are there now.
        """
        found = False

        for node in nodes:
            version = (reader.run.pins or {}).get(node.id, node.version)

            if version is None or not _is_held(version):
                continue

            if await self._is_lost(version) and not await self._made(
                reader, node, version
            ):
                return False

            found = True

        return found

    async def _is_lost(self, version: Version) -> bool:
        held = self.executors[DEFAULT].held_values
        name = os.path.basename(str(version.kept))
        return held is None or not await held.has(name)

    async def _made(self, reader: Attempt, node: NodeState, lost: Version) -> bool:
        """Make a value again, unless somebody does already; tell whether it is there."""
        if (event := self._making.get(lost)) is not None:
            await event.wait()
            return node.version is not lost

        event = self._making[lost] = Event()

        try:
            if why := await self._why_unmade(reader, node, lost):
                _logger.warning(_NOT_AGAIN, node.config_id, why)

            return not why
        finally:
            del self._making[lost]
            event.set()

    async def _why_unmade(self, reader: Attempt, node: NodeState, lost: Version) -> str:
        """Make a value again; say why that cannot be, if it cannot."""
        run, number = reader.run, reader.ref[0]
        places = [
            place
            for place, task in enumerate(run.tasks)
            if node in task.output.values()
        ]

        if not places or node.version is not lost:
            return "no task of this run writes it"

        place = places[0]
        task = run.tasks[place]

        if task.config.on_restart == "fail":
            return f"{task.config.id!r} has on_restart='fail'"

        for source in task.input.values():
            read = (run.pins or {}).get(source.id, source.version)

            if read is None or read.number > lost.number:
                return f"{source.config_id!r} was written since"

        spec = self.runs.specs[number][run.dag.kind_of[place]]
        maker = Attempt((number, place), run, spec, "")
        await self._make_inputs(maker, task.input.values())
        _logger.warning(_AGAIN, node.config_id, maker.job_id)
        outcome = await self._run(reader, maker)

        if not isinstance(outcome, Returned):
            return "it was cancelled" if outcome is None else judge(outcome, None)[1]

        self._replace(maker, node, outcome)
        return ""

    async def _run(self, reader: Attempt, maker: Attempt) -> Outcome | None:
        """Run a job again; None where it did not come to that."""
        executor = self.executors[maker.spec.executor]
        call = call_of(maker, self.versions, {})
        watch = _Making()
        self._calls[reader.ref] = executor, call

        try:
            for _ in range(TRIES):
                if reader.ref in self._canceled or watch.outcome is not None:
                    break

                await executor.run([call], watch)
        finally:
            del self._calls[reader.ref]

            for version in maker.read_versions:
                self.versions.retention.unpin(version)

        return watch.outcome

    def _replace(self, maker: Attempt, lost: NodeState, outcome: Returned) -> None:
        """Have the value be there; what else the job has made is there already."""
        job, at = maker.job, time.time()
        why = f"its value of {lost.config_id!r} was lost with its host"
        facts = job.attempt, job.run_at, at, why, ""
        job.attempts = added(job.attempts, AttemptRecord(*facts, AttemptKind.HOST_LEFT))
        records = [job.record()]

        for node, kept in zip(maker.task.output.values(), outcome.kept, strict=True):
            if node is lost:
                self.store.save(
                    *self.versions.replace(node, kept, job_id=job.id), *records
                )
            elif isinstance(kept, str):
                self.versions.garbage.add(kept)


def _is_held(version: Version) -> bool:
    return isinstance(version.kept, str) and place_of(version.kept) is not None


class _Making(Watch):
    """A job that runs again."""

    def __init__(self) -> None:
        self.outcome: Outcome | None = None

    def started(self, call: Call, log: Log | None) -> None:
        """Take note of nothing: it has started before."""

    def reported(self, call: Call, progress: Progress) -> None:
        """Take note of nothing."""

    def ended(self, call: Call, outcome: Outcome) -> None:  # noqa: ARG002
        self.outcome = outcome

    def returned(self, calls: Sequence[Call]) -> None:
        """Take note of nothing: it is sent again."""
