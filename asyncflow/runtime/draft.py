"""Drafts: scenarios that are made of what is known already, in one transaction."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import attrs
from anyio import CancelScope

from asyncflow import ids
from asyncflow.config.sections import ScenarioConfig
from asyncflow.entities.cycle import Cycle, claimed_by
from asyncflow.entities.scenario import Scenario, record_of
from asyncflow.entities.submittable import nodes_of
from asyncflow.records import (
    BasisRecord,
    FirstVersionRecord,
    Record,
    ScenarioRecord,
    VersionRecord,
)
from asyncflow.runs.node import NodeState
from asyncflow.values import first_versions

if TYPE_CHECKING:
    from asyncflow.runtime.engine import Engine


@attrs.define(eq=False, repr=False)
class ScenarioDraft:
    """A scenario that nobody knows yet, and what its data nodes are to have.

    Data nodes that were filled with nothing begin as those of any new scenario.

    :param fresh: the data nodes of those shared that nobody has written yet
    """

    engine: Engine
    scenario: Scenario
    cycle: Cycle | None
    shared: Sequence[NodeState]
    fresh: Sequence[NodeState]
    attributes: dict[str, str] = attrs.field(init=False, factory=dict)
    """What was changed of data nodes, as their records have it, by config ids."""
    filled: set[str] = attrs.field(init=False, factory=set)
    """The config ids of the data nodes that have got their versions."""
    versions: list[VersionRecord] = attrs.field(init=False, factory=list)
    files: list[str] = attrs.field(init=False, factory=list)
    """What goes where it is not saved."""

    @classmethod
    async def begin(
        cls,
        engine: Engine,
        config: ScenarioConfig,
        like: ScenarioRecord,
        creation_date: datetime | None,
    ) -> ScenarioDraft:
        """Begin one.

        :param like: what its record is to have, but for its id, its date and its cycle
        :param creation_date: None for now; without a time zone it is in that of the store
        """
        await engine.identity_map.prepare(config)
        date = await engine.calendar.aware(creation_date)
        has_cycle = config.frequency is not None
        cycle = await engine.calendar.cycle(config, date) if has_cycle else None
        cycle_id = None if cycle is None else cycle.id
        shared = await engine.loader.shared(config, cycle_id)
        record = like._replace(
            id=ids.of_scenario(config.id, ids.new_key()),
            created=date.timestamp(),
            cycle_id=cycle_id,
            version=engine.identity_map.version,
            revision=0,
        )
        scenario = engine.identity_map.make_scenario(config, record, cycle)
        await engine.place(scenario, date)
        fresh = [node for node in shared if node.version is None]
        return cls(engine, scenario, cycle, shared, fresh)

    @property
    def nodes(self) -> Mapping[str, NodeState]:
        """Its data nodes, by config ids."""
        return nodes_of(self.scenario)

    def change(self, node: NodeState, attributes: str) -> None:
        """Have a data node of its own be as a record says that it was changed.

        :param attributes: as a record has them
        """
        self.attributes[node.config_id] = attributes
        record = node.record()._replace(attributes=attributes)
        self.engine.identity_map.take(node, record)

    def fill(self, node: NodeState, versions: Sequence[VersionRecord]) -> None:
        """Give a data node versions, and no default data.

        What scenarios share takes the last of them alone, and only where nobody else has
        written it by then.
        """
        self.filled.add(node.config_id)
        self.versions += (
            [FirstVersionRecord._make(versions[-1])] if node.is_shared else versions
        )

    async def save(self, bases: Sequence[BasisRecord] = ()) -> Scenario:
        """Save it; return when that is durable. On cancel it is saved or not."""
        engine = self.engine

        with CancelScope(shield=True):
            try:
                records = await self._records()
                engine.store.save(*records, *bases)
            except BaseException:
                await self.drop()
                raise

            await engine.store.flush()
            nodes = self.nodes.values()
            await first_versions.settle(engine.versions, nodes, records)
            await self._remove(await self._left_out())

            if self.cycle is not None:
                await engine.calendar.settle(self.cycle, self.shared)

            await engine.loader.fill(self.scenario)
            engine.tell_created(self.scenario, self.fresh)

        return self.scenario

    async def drop(self) -> None:
        """Leave nothing of it."""
        self.engine.identity_map.forget(self.scenario.id)

        with CancelScope(shield=True):
            await self._remove(self.files)

    async def _left_out(self) -> list[str]:
        """Return the files of values that the store has left out: others were first."""
        given = {
            version.node_id: version.kept
            for version in self.versions
            if type(version) is FirstVersionRecord and type(version.kept) is str
        }

        if not given:
            return []

        saved = await self.engine.store.versions(node_ids=given)
        kept = {version.kept for version in saved}
        own = {os.path.basename(path): path for path in self.files}
        return [own[name] for name in {*given.values()} - kept if name in own]

    async def _remove(self, paths: Sequence[str]) -> None:
        files = self.engine.versions.files
        await files.in_thread(files.remove, paths)

    async def _records(self) -> list[Record]:
        engine, nodes = self.engine, self.nodes.values()
        rest = [node for node in nodes if node.config_id not in self.filled]
        begun = await engine.versions.defaults(rest)
        folder = engine.versions.folder
        kept = [version.kept for version in begun]
        self.files += [os.path.join(folder, name) for name in kept if type(name) is str]
        record = record_of(self.scenario)
        of_cycle = [] if self.cycle is None else [claimed_by(self.cycle, record)]
        own = [
            node.record()._replace(
                attributes=self.attributes.get(node.config_id, node.initial)
            )
            for node in nodes
        ]
        return [record, *of_cycle, *own, *self.versions, *begun]
