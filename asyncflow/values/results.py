"""Results: what a run has written can be read through its handle as long as that is used,
however many later runs have written since.

Nothing is noted when a version is made. When one is dropped that a run has written, or has
found as good as new, it stays if the handle of the run is used.
"""

from __future__ import annotations

import asyncio
from collections.abc import Container, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeAlias
from weakref import finalize, ref

from asyncflow.entities.identity_map import IdentityMap
from asyncflow.entities.submission import Run
from asyncflow.errors import NoData, UsageError
from asyncflow.runs.job import JobState
from asyncflow.runs.node import NodeState, Version
from asyncflow.runs.run import Run as RunOf
from asyncflow.status import DONE, Status
from asyncflow.values.editing import Editing
from asyncflow.values.versions import Versions
from asyncflow.worker.errors import ValueMissing

if TYPE_CHECKING:
    from asyncflow.entities.edits import Edit

End: TypeAlias = "finalize[..., Run]"
Held: TypeAlias = dict[str, Version]
Nodes: TypeAlias = dict[str, NodeState]


class Results:
    """Keeps what runs have written as long as their handles are used.

    :param catalog: knows which are
    """

    def __init__(
        self, catalog: IdentityMap, versions: Versions, editing: Editing
    ) -> None:
        self.catalog = catalog
        self.versions = versions
        self.editing = editing
        self._ends: dict[int, tuple[End, Held, Nodes]] = {}
        """What waits for the end of each run that keeps versions, these, and their data
        nodes; by the identity of the versions."""

        self.known: Container[str | None] = self.catalog.known
        """The ids of the runs whose handles may be used."""

    async def read(self, run: Run, name: str) -> Any:
        """Read what a run wrote; see `Submission.read`."""
        edit = await self.edit(run, name)
        node = run.tasks[writer_of(run, name)].output[name]

        if held := (run.held or {}).get(node.id):
            with suppress(ValueMissing):  # another process has dropped it
                return await self.versions.read_version(node, held)

        return await self.versions.read(node, edit.version)

    async def edit(self, run: Run, name: str) -> Edit:
        """Return what a run wrote as an edit; see `Output.edit`."""
        place = writer_of(run, name)
        edits = await self.editing.edits(run.tasks[place].output[name])

        if (edit := edit_of(run, place, edits)) is None:
            raise NoData(name, cause=why_unwritten(run.job(place)))

        return edit

    def keep(self, node: NodeState, version: Version) -> None:
        """Keep a version that is to be dropped for the handles that are used."""
        if version.reused_by is None and version.submission_id not in self.known:
            return  # as it mostly is

        for reference in self._runs_of(version):
            _let_jobs_go(reference)

            if run := reference():
                self._keep_for(run, node, version)

    def forget(self) -> None:
        """Keep nothing any more for the runs that were deleted, of what was deleted."""
        for end, held, _ in tuple(self._ends.values()):
            alive = end.peek()

            if alive is None or self.catalog.find(alive[0].id) is not alive[0]:
                end.detach()
                self._release(held)

    def close(self) -> None:
        """Keep nothing any more."""
        for end, held, _ in tuple(self._ends.values()):
            end.detach()
            self._release(held)

    def _runs_of(self, version: Version) -> list[ref[Run]]:
        found = [ref(run) for run in version.reused_by or ()]

        if version.submission_id is not None:
            writer = self.catalog.find(version.submission_id)

            if isinstance(writer, RunOf):
                found.append(ref(writer))

        return found

    def _keep_for(self, run: Run, node: NodeState, version: Version) -> None:
        if run.held is None:
            held = run.held = {}
            loop = asyncio.get_running_loop()
            end: End = finalize(run, _tell, loop, self._release, held)
            end.atexit = False
            self._ends[id(held)] = end, held, {}
            run.watchers.when_finished(run.table.let_go)

        kept = self._ends.get(id(run.held))

        if kept is not None and node.id not in run.held:  # it was not deleted
            run.held[node.id] = version
            kept[2][node.id] = node
            self.versions.retention.hold(version)

    def _release(self, held: Held) -> None:
        """Drop what was kept for a handle that nobody uses any more."""
        if (kept := self._ends.pop(id(held), None)) is None:
            return

        for node_id, version in held.items():
            node = kept[2][node_id]
            is_there = self.catalog.find(node.id) is node
            self.versions.retention.let_go(node, version, is_deleted=not is_there)

        held.clear()


def _let_jobs_go(used: ref[Run]) -> None:
    """Have a handle on a run that has ended go now if nobody uses it."""
    if (run := used()) and run.is_finished:
        run.table.let_go()


def _tell(loop: asyncio.AbstractEventLoop, release: Any, held: Held) -> None:
    """Have the event loop release it: a handle may end in any thread."""
    with suppress(RuntimeError):  # the event loop is closed
        loop.call_soon_threadsafe(release, held)


def writer_of(run: Run, name: str) -> int:
    """Return the place of the job of a run that writes a data node.

    :raises UsageError: where none does
    """
    for place, task in enumerate(run.tasks):
        if name in task.output:
            return place

    names = ", ".join(name for task in run.tasks for name in task.output)
    raise UsageError(
        f"no job of {run.id} writes {name!r}: its outputs are {names or 'none'}"
    )


def edit_of(run: Run, place: int, edits: Iterable[Edit]) -> Edit | None:
    """Return the edit that a job made, of those of a data node; None where it has not.

    One that was skipped stands for the last one before.
    """
    if run.table.status[place] not in DONE:
        return None

    job, found = run.job(place), None

    for edit in edits:
        is_own = edit.job_id == job.id
        was_there = (
            job.status is Status.SKIPPED
            and job.finished_at is not None
            and edit.at.timestamp() <= job.finished_at
        )

        if is_own or was_there:
            found = edit

    return found


def why_unwritten(job: JobState) -> str:
    """Say why a job has not written its outputs."""
    why = f": {job.reason}" if job.reason else ""
    return f"{job.id}, which writes it in this run, is {job.status}{why}"
