"""Creation: a scenario that is found again by its name, or made."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import attrs

from asyncflow.abc import Store
from asyncflow.config.sections import ScenarioConfig
from asyncflow.entities.cycle import Cycle, claimed_by
from asyncflow.entities.identity_map import IdentityMap
from asyncflow.entities.scenario import Scenario, record_of
from asyncflow.entities.submittable import nodes_of
from asyncflow.errors import NotFound, UsageError
from asyncflow.options import Page
from asyncflow.records import VersionRecord
from asyncflow.recovery.loader import EntityLoader
from asyncflow.runs.node import NodeState
from asyncflow.runtime.placing import place
from asyncflow.values import first_versions
from asyncflow.values.editing import Editing
from asyncflow.values.versions import Versions

ONE = Page(limit=1)


@attrs.define(eq=False, repr=False)
class Creation:
    """Makes a scenario of a config and a name, unless there is one."""

    store: Store
    identity_map: IdentityMap
    loader: EntityLoader
    versions: Versions
    editing: Editing
    is_new: bool = attrs.field(init=False, default=False)
    """Whether it was made."""

    async def find_or_make(
        self,
        config: ScenarioConfig,
        creation_date: datetime | None,
        name: str | None,
        properties: Mapping[str, Any],
        inputs: Mapping[str, Any],
        cycle: Cycle | None = None,
    ) -> Scenario:
        """Return the scenario; what is given is written to it, whether it is new or not.

        :raises UsageError: where it has no name
        """
        if name is None:
            raise UsageError(
                "create_scenario(exist_ok=True) needs the name by which the scenario is "
                "found again: create_scenario(config, name=..., exist_ok=True)"
            )

        while True:
            for record in await self.store.scenarios(
                config_id=config.id, name=name, versions=self._versions, page=ONE
            ):
                try:
                    return await self._found(record.id, inputs)
                except NotFound:  # it was just deleted
                    continue

            if made := await self._made(
                config, creation_date, name, properties, inputs, cycle
            ):
                return made

    @property
    def _versions(self) -> tuple[str, ...] | None:
        """The version of the application, where it has one: others have others' names."""
        version = self.identity_map.version
        return None if version is None else (version,)

    async def _found(self, scenario_id: str, inputs: Mapping[str, Any]) -> Scenario:
        scenario = await self.loader.get(scenario_id)
        assert isinstance(scenario, Scenario)
        nodes = [nodes_of(scenario)[name] for name in inputs]

        for node in nodes:
            await self.editing.begin(node, None)

        if records := await self.versions.defaults(nodes, inputs):
            self.store.save(*records)
            await self.store.flush()

        return scenario

    async def _made(
        self,
        config: ScenarioConfig,
        creation_date: datetime | None,
        name: str,
        properties: Mapping[str, Any],
        inputs: Mapping[str, Any],
        cycle: Cycle | None,
    ) -> Scenario | None:
        """Make it; return None where another was faster."""
        scenario = await self.identity_map.new_scenario(
            config, creation_date, name, properties, cycle
        )

        if self.identity_map.has_templates(config):
            await place(self.identity_map, scenario, creation_date)

        nodes = nodes_of(scenario).values()
        shared = {node.id: node for node in nodes if node.is_shared}

        # What scenarios share is there whoever is faster.
        await check_unlocked(self.editing, shared.values(), inputs)
        common = await self.versions.defaults(shared.values(), inputs)
        self.store.save(*(node.record() for node in shared.values()), *common)

        own = [node for node in nodes if node.id not in shared]
        values = await self.versions.defaults(own, inputs)
        records = (node.record() for node in own)
        record = record_of(scenario)
        of_cycle = [] if cycle is None else [claimed_by(cycle, record)]
        kept_id = await self.store.create(record, *of_cycle, *records, *values)
        await first_versions.settle(self.versions, shared.values(), common)

        if kept_id == scenario.id:
            self.is_new = True
            return scenario

        self.identity_map.forget(scenario.id)
        self._remove(values)
        return None

    def _remove(self, values: list[VersionRecord]) -> None:
        for value in values:
            if isinstance(value.kept, str):
                path = os.path.join(self.versions.folder, value.kept)
                self.versions.garbage.add(path)


async def check_unlocked(
    editing: Editing, nodes: Iterable[NodeState], inputs: Mapping[str, Any]
) -> None:
    """Refuse to write what somebody has locked, of what scenarios share.

    :raises DataNodeIsBeingEdited: where somebody has
    """
    for node in nodes:
        if node.config_id in inputs and node.version is not None:
            await editing.begin(node, None)
