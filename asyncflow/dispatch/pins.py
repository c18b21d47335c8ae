"""Pins: what runs under way read of their sources is what it was at their submit.

An orchestrator that is alone on its store notes nothing at submit: when a source gets a
new version that no run here has made, each run that was submitted before it pins the last
one, in the store, too: who takes it over may write again. Where others may write, too,
the order is that of the store's commits, whatever clocks say: what a run reads is what was
current when the store took it. Of what scenarios share the store is told at submit, and of
the runs under way when the first of these others comes; what else is written by hand is
pinned by who writes it, together with the new version (see `Store.write`). What the store
has pinned for a run stays until the run has ended, whoever drops it, and whoever takes the
run over.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial

from anyio import CancelScope

from asyncflow.abc import Store, StoredValue
from asyncflow.dispatch.runs import Runs
from asyncflow.entities.submission import Run
from asyncflow.entities.submittable import nodes_of
from asyncflow.errors import StoreFailed
from asyncflow.records import VersionRecord
from asyncflow.runs.node import Given, NodeState, Version
from asyncflow.status import FINAL
from asyncflow.values.files import ValueFiles
from asyncflow.values.versions import Versions


class Pins:
    """Pins versions for runs, and lets them go at their ends."""

    def __init__(self, store: Store, runs: Runs, versions: Versions) -> None:
        self.store = store
        self.runs = runs
        self.versions = versions
        self._noted: set[str] = set()
        """The runs for which the store keeps versions, whoever drops these."""
        self._ended: list[str] = []
        """Those of them that have ended."""
        self._unsettled: dict[Run, dict[NodeState, Version | None]] = {}
        """What was current at the submits of runs that the store may not have taken yet."""
        self._adopted: dict[tuple[str, int], Version] = {}
        """What runs are to read that are being adopted, by data nodes and numbers."""

    def give(self, run: Run) -> None:
        """Have a run read what it was given."""
        given, nodes = run.given or {}, nodes_of(run.entity)
        run.pins = {nodes[name].id: value for name, value in given.items()}
        run.watchers.when_finished(partial(self._release, run))

    def expect(self, run: Run, nodes: Iterable[NodeState]) -> None:
        """Take note of what others may replace just now, that a run is to read.

        To be called at its submit; `settle`, or `forget`, follows.
        """
        self._unsettled[run] = {node: node.version for node in nodes}

    def forget(self, run: Run) -> None:
        """Forget a run that does not begin here."""
        self._unsettled.pop(run, None)

    async def settle(self, run: Run) -> None:
        """Have a run read what was current when the store took it.

        To be called once the store has, and it was looked what others have written.
        Where that is nothing, nothing is asked.
        """
        before = self._unsettled.pop(run, {})
        pins = run.pins or {}
        nodes = {
            node.id: node
            for node, version in before.items()
            if (node.version is not version or node.id in pins)
            and not is_given(run, node)
            and node.driver.keeps_versions
        }

        if not nodes or run.is_finished:
            return

        current = {node_id: node.version for node_id, node in nodes.items()}
        numbers = dict(await self.store.pinned(run.id))
        wanted = [node_id for node_id in nodes if node_id in numbers]

        for record in await self.store.versions(node_ids=wanted) if wanted else ():
            if record.number == numbers[record.node_id] and not run.is_finished:
                node = nodes[record.node_id]
                self._pin_anew(run, node, self._found(node, record))

        # Who takes it over goes by numbers, where nobody has replaced anything.
        late = {
            node_id: version.number
            for node_id, version in current.items()
            if version is not None
            and node_id not in numbers
            and node_id not in pins
            and version.number > run.submitted * 1e9
        }

        if late and not run.is_finished:
            self.store.pin(run.id, late)
            self._note_run(run)

    def note(self, run: Run) -> None:
        """Have the store keep what a new run is to read, where others may drop it.

        It is what is kept at the moment at which the submission is.
        """
        if not self.versions.is_shared:
            return

        awaited = {node.id for node in _shared_sources(run) if self._is_awaited(node)}
        self._note(run, awaited)

    def note_all(self) -> None:
        """Have the store keep what the runs here are to read: others may drop it now."""
        awaited: set[str] = set()

        for run in self.runs.all():  # in the order of their submits
            self._note(run, awaited)
            nodes = nodes_of(run.entity)
            awaited.update(
                nodes[name].id
                for task in run.tasks
                for name in task.output
                if _will_write(run, name)
            )

    def _note(self, run: Run, awaited: Collection[str]) -> None:
        """Have the store keep what a run is to read.

        :param awaited: what runs submitted earlier are to write: it reads that
        """
        pins = run.pins or {}
        shared = {
            node.id: pins[node.id].number if node.id in pins else None
            for node in _shared_sources(run)
            if node.id in pins or node.id not in awaited
            if not is_given(run, node)
        }

        if shared:
            self.store.pin(run.id, shared)
            self._note_run(run)

    def _note_run(self, run: Run) -> None:
        if run.id not in self._noted:
            self._noted.add(run.id)
            run.watchers.when_finished(partial(self._forget, run))

    def _forget(self, run: Run) -> None:
        """Have the store let go what it has kept for a run, unless that goes on."""
        if not _goes_on(run):
            self._ended.append(run.id)
            self.versions.group.start_soon(self.collect)

    async def collect(self) -> None:
        """Remove what was kept for runs that have ended."""
        with CancelScope(shield=True), suppress(StoreFailed):  # then it stays
            while self._ended:
                run_id = self._ended.pop()
                names = await self.store.unpin(run_id)
                self._noted.discard(run_id)
                await self.versions.files.remove_all(names)

    async def sweep(self) -> None:
        """Remove what was kept for runs that have ended, for those of others, too."""
        if self.versions.sharing.may_have_pins:
            with suppress(StoreFailed):
                self._ended += await self.store.pinned_for_ended()

        await self.collect()

    def keep(self, node: NodeState, last: Version, *, is_made: bool) -> int:
        """Pin what a new version replaces.

        :param last: what was current until then
        :param is_made: whether the new one is made just now, and not one of others
        :return: when the last run that reads the data node was submitted, in nanoseconds
            since the epoch; 0 for none
        """
        is_awaited, is_held, last_at = False, False, 0.0
        is_alone = is_made and node.driver.is_durable and not self.versions.is_shared

        for run in self.runs.all():  # in the order of their submits
            if nodes_of(run.entity).get(node.config_id) is not node:
                continue

            name, at = node.config_id, run.submitted * 1e9

            if is_given(run, node):
                continue

            if name not in run.dag.sources:
                is_awaited = is_awaited or _will_write(run, name)
                continue

            last_at = max(last_at, at)

            # The store knows which came first, that of others or the run: see `settle`.
            if is_awaited or (run in self._unsettled and not is_made):
                continue

            if is_alone and node.id not in (run.pins or ()):
                self.store.pin(run.id, {node.id: last.number})
                self._note_run(run)

            if run.id in self._noted or not self._is_at_risk(node, last):
                self.pin(run, node, last)
            elif is_made:  # nobody else has dropped it so far
                self.pin(run, node, last)
                is_held = True

        if is_held:
            self.store.save(self.versions.retention.held_record(node, last))

        return int(last_at)

    def pin(self, run: Run, node: NodeState, version: Version) -> None:
        """Have a run read a version of a source, unless it has pinned one."""
        if version.kept is None:  # a file of the user's: there is one version alone
            return

        if run.pins is None:
            run.pins = {}
            run.watchers.when_finished(partial(self._release, run))

        if node.id not in run.pins:
            run.pins[node.id] = version
            self.versions.retention.pin(version)
            self.versions.retention.hold(version)

    def _pin_anew(self, run: Run, node: NodeState, version: Version) -> None:
        """Have a run read a version, whatever it has pinned."""
        old = None if run.pins is None else run.pins.pop(node.id, None)

        if version is not node.version:
            self.pin(run, node, version)

        if old is not None and not isinstance(old, Given):
            self.versions.retention.end_hold(old)
            self.versions.retention.unpin(old)

    async def renew(self, run: Run) -> None:
        """Pin anew what a run has pinned whose file is gone.

        It was pinned by what is known here, which another process had replaced already:
        the store knows what was current then. What it does not have either is no longer
        pinned: the run reads what is current now.
        """
        pins = run.pins or {}
        paths = {
            node_id: pin.kept
            for node_id, pin in pins.items()
            if not isinstance(pin, Given)
        }
        files = self.versions.files
        gone = await files.in_thread(_gone, paths, files)

        if not gone:
            return

        numbers = dict(await self.store.pinned(run.id))
        nodes = {node.id: node for node in nodes_of(run.entity).values()}
        right = {
            record.node_id: record
            for record in await self.store.versions(node_ids=gone)
            if record.number == numbers.get(record.node_id)
        }

        if run.pins is not pins:  # it has ended meanwhile
            return

        for node_id in gone:
            last = pins.pop(node_id)
            record = right.get(node_id)

            if record is not None and record.number != last.number:
                self.pin(run, nodes[node_id], self._found(nodes[node_id], record))

            self.versions.retention.end_hold(last)
            self.versions.retention.unpin(last)

    async def restore(self, run: Run) -> None:
        """Pin anew what a run that was adopted is to read."""
        if run.given:
            self.give(run)

        nodes = nodes_of(run.entity)
        sources = {nodes[source].id: nodes[source] for source in run.dag.sources}
        at = run.submitted * 1e9
        right: dict[str, VersionRecord] = {}
        newest: dict[str, int] = {}
        known = dict(await self.store.pinned(run.id))

        if known:
            self._note_run(run)

        for record in await self.store.versions(node_ids=sources):
            newest[record.node_id] = record.number

            # What jobs have written since was by runs submitted earlier: others wait. But
            # where processes share a data node they do not.
            if record.node_id in known:
                is_right = record.number == known[record.node_id]
            else:
                is_right = record.number <= at or record.job_id is not None

            if is_right:
                right[record.node_id] = record

        for node_id, record in right.items():
            node = sources[node_id]

            if (
                record.kept is not None
                and record.number != newest[node_id]
                and (node_id in known or not self._is_awaited(node))
            ):
                self.pin(run, node, self._found(node, record))

    @asynccontextmanager
    async def holding(self, runs: Sequence[Run]) -> AsyncIterator[None]:
        """Have what runs that were adopted are to read stay, until all of them are
        restored: the first may have ended before the last is.
        """
        nodes = {
            node.id: node
            for run in runs
            for node in map(nodes_of(run.entity).__getitem__, run.dag.sources)
            if node.driver.is_durable
        }
        records = await self.store.versions(node_ids=nodes) if nodes else []
        held = {
            (version.node_id, version.number): self._found(
                nodes[version.node_id], version
            )
            for version in records
            if version.holder_id == self.versions.holder_id and version.kept is not None
        }
        self._adopted.update(held)

        for version in held.values():
            self.versions.retention.hold(version)

        try:
            yield
        finally:
            for (node_id, number), version in held.items():
                self._adopted.pop((node_id, number), None)
                self.versions.retention.let_go(
                    nodes[node_id], version, is_deleted=False
                )

    def _is_at_risk(self, node: NodeState, version: Version) -> bool:
        """Tell whether others may remove the file of a version."""
        is_shared = self.versions.is_shared and node.is_shared
        return is_shared and node.driver.is_durable and isinstance(version.kept, str)

    def _is_awaited(self, node: NodeState) -> bool:
        return any(
            nodes_of(other.entity).get(node.config_id) is node
            and _will_write(other, node.config_id)
            for other in self.runs.all()
        )

    def _found(self, node: NodeState, record: VersionRecord) -> Version:
        """Return a version that may be kept for runs alone."""
        pinned = [run.pins.get(node.id) for run in self.runs.all() if run.pins]
        adopted = self._adopted.get((node.id, record.number))

        for version in (adopted, *node.versions, *pinned):
            if version is not None and version.number == record.number:
                return version

        return self.versions.stored.held(record)

    def _release(self, run: Run) -> None:
        pins, run.pins = run.pins or {}, None
        is_left, is_noted = _goes_on(run), run.id in self._noted
        nodes = {data_node.id: data_node for data_node in nodes_of(run.entity).values()}

        for node_id, version in pins.items():
            if isinstance(version, Given):
                continue

            is_last = self.versions.retention.end_hold(version)

            if is_last and version.is_dropped:
                if is_left:
                    continue  # it goes on elsewhere: the file stays, too

                gone = VersionRecord(node_id, version.number, None, is_kept=False)
                self.store.save(gone)
            elif (
                is_last
                and not (is_noted or is_left)
                and self._is_at_risk(nodes[node_id], version)
            ):
                held = self.versions.retention.held_record(nodes[node_id], version)
                self.store.save(held._replace(holder_id=None))

            self.versions.retention.unpin(version)


def is_given(run: Run, node: NodeState) -> bool:
    """Tell whether a run was given what it reads of a data node."""
    return run.given is not None and node.config_id in run.given


def _shared_sources(run: Run) -> list[NodeState]:
    """Return those of its sources that others may replace, and that are kept."""
    nodes = nodes_of(run.entity)
    return [
        nodes[name]
        for name in run.dag.sources
        if nodes[name].is_shared
        and nodes[name].driver.is_durable
        and nodes[name].driver.keeps_versions
    ]


def _gone(paths: Mapping[str, StoredValue], files: ValueFiles) -> list[str]:
    """Return the data nodes whose files are not there. Blocks."""
    return [
        node_id
        for node_id, path in paths.items()
        if isinstance(path, str) and not files.is_there(path)
    ]


def _goes_on(run: Run) -> bool:
    """Tell whether a run that ends here goes on elsewhere."""
    return run.ending.reason is not None and not run.ending.cancel_reason


def _will_write(run: Run, name: str) -> bool:
    """Tell whether a job of a run that has not ended writes a data node."""
    return any(
        name in run.tasks[place].output and run.table.status[place] not in FINAL
        for place in range(len(run.tasks))
    )
