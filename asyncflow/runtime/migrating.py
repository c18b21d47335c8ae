"""Migration of entities of older versions, when they are first loaded.

Users' functions are called outside any transaction, with copies. What they return is
written if nobody has changed the entity meanwhile; otherwise they are called anew.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import attrs
from anyio import to_thread

from asyncflow import ids
from asyncflow.abc import Store
from asyncflow.config import Configuration
from asyncflow.config.migrations import MigrationFunction
from asyncflow.config.sections import DataNodeConfig, ScenarioConfig
from asyncflow.errors import MigrationFailed, NotFound, UnauthorizedTag
from asyncflow.records import DataNodeRecord, ScenarioRecord
from asyncflow.runtime.checks import check_kept, check_name
from asyncflow.runtime.labels import Labels
from asyncflow.runtime.updating import properties_of, tags_of

Path = list[tuple[str, MigrationFunction]]


@attrs.define(eq=False)
class ScenarioCopy:
    """A scenario as a migration function gets it: what may change can be set."""

    id: str = attrs.field(on_setattr=attrs.setters.frozen)
    config_id: str = attrs.field(on_setattr=attrs.setters.frozen)
    creation_date: datetime = attrs.field(on_setattr=attrs.setters.frozen)
    version: str | None = attrs.field(on_setattr=attrs.setters.frozen)
    """The version that it has."""
    name: str | None
    properties: dict[str, Any]
    tags: set[str]


@attrs.define(eq=False)
class DataNodeCopy:
    """A data node as a migration function gets it: what may change can be set."""

    id: str = attrs.field(on_setattr=attrs.setters.frozen)
    config_id: str = attrs.field(on_setattr=attrs.setters.frozen)
    name: str | None
    validity_period: timedelta | None


@attrs.define(eq=False, repr=False)
class Migrating:
    """Brings scenarios of older versions up to date, with their data nodes."""

    store: Store
    labels: Labels
    config: Configuration

    async def migrated(
        self, record: ScenarioRecord, config: ScenarioConfig
    ) -> ScenarioRecord:
        """Return the record of a scenario as it is in the version of this orchestrator.

        :raises MigrationFailed: where a function raises, or returns what is none
        :raises NotFound: where the scenario was deleted meanwhile
        """
        migrations = self.config.migrations

        while record.version not in (None, self.labels.name) and migrations is not None:
            targets = await self.labels.later_than(str(record.version))
            path = migrations.path(ScenarioConfig, config.id, targets)
            paths = {
                node.id: migrations.path(DataNodeConfig, node.id, targets)
                for node in config.data_node_configs
            }

            if not (path or any(paths.values())):
                break

            await self._nodes(record, paths)
            made = await self._scenario(record, path, config)
            made = made._replace(version=self.labels.name, revision=ids.new_revision())

            if await self.store.update(made, before=record.revision):
                return made

            kept = await self.store.get(record.id)

            if not isinstance(kept, ScenarioRecord):
                raise NotFound(record.id)

            record = kept

        return record

    async def _scenario(
        self, record: ScenarioRecord, path: Path, config: ScenarioConfig
    ) -> ScenarioRecord:
        if not path:
            return record

        copy = ScenarioCopy(
            *(record.id, record.config_id, record.creation_date, record.version),
            *(record.name, dict(record.properties), {*record.tags}),
        )

        for target, function in path:
            copy = await _called(function, copy, target)

            try:
                check_name(copy.name)
                properties, tags = properties_of(copy.properties), tags_of(copy.tags)
                check_kept(properties, record.id)
                _check_tags(tags, config)
            except Exception as error:
                raise MigrationFailed(record.id, target, str(error)) from error

        return record._replace(
            name=copy.name, properties=properties, tags=tuple(sorted(tags))
        )

    async def _nodes(self, record: ScenarioRecord, paths: Mapping[str, Path]) -> None:
        if any(paths.values()):
            for node in await self.store.data_nodes(owner_id=record.id):
                if path := paths.get(node.config_id):
                    await self._node(node, path)

    async def _node(self, record: DataNodeRecord, path: Path) -> None:
        while True:
            known = json.loads(record.attributes) if record.attributes else {}
            period = known.get("validity_period")
            validity = None if period is None else timedelta(seconds=period)
            copy = DataNodeCopy(
                record.id, record.config_id, known.get("name"), validity
            )

            for target, function in path:
                copy = await _called(function, copy, target)

            made = {**known, **_changed(copy, known, path[-1][0])}

            if made == known:
                return

            text = json.dumps(made, sort_keys=True)
            wanted = record._replace(attributes=text, revision=ids.new_revision())

            if await self.store.update(wanted, before=record.revision):
                return

            kept = await self.store.get(record.id)

            if not isinstance(kept, DataNodeRecord):
                raise NotFound(record.id)

            record = kept


def _changed(copy: DataNodeCopy, known: dict[str, Any], target: str) -> dict[str, Any]:
    """Return the attributes of a data node that a function has changed."""
    period = copy.validity_period

    try:
        check_name(copy.name)
        seconds = None if period is None else period.total_seconds()
    except Exception as error:
        raise MigrationFailed(copy.id, target, str(error)) from error

    wanted = {"name": copy.name, "validity_period": seconds}
    return {key: value for key, value in wanted.items() if known.get(key) != value}


async def _called(function: MigrationFunction, copy: Any, target: str) -> Any:
    """Have a function of the user's called: in a thread, or on the loop if it is async."""
    try:
        if inspect.iscoroutinefunction(function):
            made = await function(copy)
        else:
            made = await to_thread.run_sync(function, copy)
    except Exception as error:
        why = f"{type(error).__name__}: {error}"
        raise MigrationFailed(copy.id, target, why) from error

    made = copy if made is None else made

    if type(made) is not type(copy) or made.id != copy.id:
        why = f"it returned {made!r:.100}, and not what it was given"
        raise MigrationFailed(copy.id, target, why)

    return made


def _check_tags(tags: frozenset[str], config: ScenarioConfig) -> None:
    for tag in sorted(tags):
        if config.authorized_tags and tag not in config.authorized_tags:
            raise UnauthorizedTag(tag, config.id, config.authorized_tags)
