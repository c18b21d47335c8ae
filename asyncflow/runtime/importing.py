"""Imports: a scenario from a file that an export wrote, with ids of its own."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs
from anyio import CancelScope, to_thread

from asyncflow.abc import is_address
from asyncflow.config.checks.values import one_of
from asyncflow.config.sections import DataNodeConfig, ScenarioConfig
from asyncflow.entities.scenario import Scenario
from asyncflow.errors import ArchiveRefused, NotCopied, UnauthorizedTag, UsageError
from asyncflow.records import ScenarioRecord, VersionRecord
from asyncflow.runs.node import NodeState, Said
from asyncflow.runtime import archive
from asyncflow.runtime.archive import Archive, ArchivedNode, ArchivedVersion
from asyncflow.runtime.checks import check_name
from asyncflow.runtime.draft import ScenarioDraft
from asyncflow.runtime.updating import tags_of
from asyncflow.stores._properties import PickledProperties
from asyncflow.worker.replacing import replace_file
from asyncflow.worker.wire import seen

if TYPE_CHECKING:
    from asyncflow.runtime.engine import Engine


def _expanded(path: str) -> str:
    return os.path.expanduser(path)


@attrs.define(eq=False, repr=False)
class Import:
    """Makes a scenario of an archive.

    :param file: the archive
    :param paths: where the files of yours go that it has, by data nodes
    """

    engine: Engine
    file: str = attrs.field(converter=_expanded)
    paths: Mapping[Any, str | os.PathLike[str]]

    async def make(self) -> Scenario:
        """Make it; see `Orchestrator.import_scenario`."""
        opening = archive.read(self.file)
        opened = await to_thread.run_sync(opening.__enter__)

        try:
            return await self._made(opened)
        finally:
            with CancelScope(shield=True):
                await to_thread.run_sync(opening.__exit__, None, None, None)

    async def _made(self, opened: Archive) -> Scenario:
        config = self.engine.loader.config.scenario(opened.scenario.config_id)
        record = self._record(opened, config)
        places = self._placed(config)
        await self._check(opened, config, places)

        date = self._date(opened.scenario.created)
        draft = await ScenarioDraft.begin(self.engine, config, record, date)

        try:
            for node in opened.scenario.nodes:
                await self._fill(draft, opened, node, places)
        except BaseException:
            await draft.drop()
            raise

        return await draft.save()

    def _record(self, opened: Archive, config: ScenarioConfig) -> ScenarioRecord:
        found = opened.scenario

        try:
            check_name(found.name)
            tags = tuple(sorted(tags_of(found.tags)))
        except (TypeError, ValueError) as error:
            raise ArchiveRefused(self.file, str(error)) from error

        for tag in tags:
            if config.authorized_tags and tag not in config.authorized_tags:
                raise UnauthorizedTag(tag, config.id, config.authorized_tags)

        properties = found.properties
        return ScenarioRecord(
            "",
            config.id,
            found.name,
            found.created,
            PickledProperties(self.file, properties)
            if isinstance(properties, bytes)
            else dict(_settled(properties, config)),
            tags,
        )

    def _date(self, created: float) -> datetime:
        try:
            return datetime.fromtimestamp(created, UTC)
        except (OverflowError, ValueError, OSError) as error:
            raise ArchiveRefused(self.file, f"its date is {created!r}") from error

    def _placed(self, config: ScenarioConfig) -> dict[str, str]:
        """Return the absolute paths that were given, by config ids."""
        nodes = {node.id: node for node in config.data_node_configs}
        found: dict[str, str] = {}

        for key, path in self.paths.items():
            name, text = (
                key.id if isinstance(key, DataNodeConfig) else key,
                os.fspath(path),
            )

            if name not in nodes or nodes[name].default_path is None:
                raise UsageError(
                    f"paths names {name!r}, which is no data node with a file of yours: "
                    f"{one_of(name, nodes)}"
                )

            if is_address(text):
                raise UsageError(f"paths[{name!r}] is no file of this machine: {text}")

            found[name] = self.engine.identity_map.directory.placed(text)

        return found

    async def _check(
        self, opened: Archive, config: ScenarioConfig, places: Mapping[str, str]
    ) -> None:
        """Refuse what cannot be made here, all of it at once.

        :raises NotCopied: where something cannot
        """
        check = partial(self._refused, opened, config, places)
        reasons = await to_thread.run_sync(lambda: dict(check()))

        if reasons:
            raise NotCopied(self.file, reasons)

    def _refused(
        self, opened: Archive, config: ScenarioConfig, places: Mapping[str, str]
    ) -> Iterator[tuple[str, str]]:
        nodes = {node.id: node for node in config.data_node_configs}

        for node in opened.scenario.nodes:
            here = nodes.get(node.name)

            if here is None:
                yield node.name, f"scenario {config.id!r} has no such data node here"
            elif here.storage_type != node.storage_type:
                yield (
                    node.name,
                    f"it is {node.storage_type!r} there and {here.storage_type!r} here",
                )
            elif here.scope.value != node.scope:
                yield (
                    node.name,
                    f"its scope is {node.scope} there, {here.scope.value} here",
                )
            elif node.versions and here.owns_place:
                yield node.name, "here it is in a place of yours, there it was not"
            elif node.file is not None and not here.owns_place:
                yield node.name, "there it is a file of yours: configure a default_path"
            elif node.file is not None:
                path = places.get(node.name)
                yield from self._refused_file(opened, node, here, path)

    def _refused_file(
        self,
        opened: Archive,
        node: ArchivedNode,
        here: DataNodeConfig,
        path: str | None,
    ) -> Iterator[tuple[str, str]]:
        given = self.engine.identity_map.driver(here) if path is None else None
        target = path if given is None else given.file_of(None)

        if not isinstance(target, str) or (given is not None and given.is_remote):
            yield node.name, "its path is no file of this machine: say paths={...}"
        elif os.path.lexists(target) and not _has(opened, str(node.file), target):
            where = f"say where it goes, paths={{{node.name!r}: ...}}"
            yield node.name, f"another file is at {target}: {where}"

    async def _fill(
        self,
        draft: ScenarioDraft,
        opened: Archive,
        node: ArchivedNode,
        places: Mapping[str, str],
    ) -> None:
        target = draft.nodes[node.name]
        attributes = self._attributes(node)

        if node.name in places:
            attributes["path"] = places[node.name]

        if attributes and not target.is_shared:
            draft.change(target, json.dumps(attributes, sort_keys=True))

        if target.is_shared and target.version is not None:
            return  # what others have written stays

        if node.file is not None:
            await self._put_file(draft, opened, target, node.file)
            return

        if len({version.number for version in node.versions}) < len(node.versions):
            raise ArchiveRefused(
                self.file, f"{node.name} has two versions of one number"
            )

        count = 1 if target.is_shared else target.max_older + 1
        kept = node.versions[-count:]
        records = [
            await self._version(draft, opened, target, version)
            for version in kept
            if version.part is not None
        ]

        if records:
            draft.fill(target, records)

    def _attributes(self, node: ArchivedNode) -> dict[str, Any]:
        found = dict(node.attributes)
        name, period = found.pop("name", None), found.pop("validity_period", None)
        is_right = isinstance(name, str | None) and (
            period is None
            or (type(period) in (int, float) and math.isfinite(period) and period > 0)
        )

        if found or not is_right:
            raise ArchiveRefused(
                self.file, f"{node.name} has attributes of no data node"
            )

        return {
            k: v for k, v in node.attributes.items() if k in ("name", "validity_period")
        }

    async def _version(
        self,
        draft: ScenarioDraft,
        opened: Archive,
        node: NodeState,
        version: ArchivedVersion,
    ) -> VersionRecord:
        versions, part = self.engine.versions, str(version.part)
        kept: bytes | str

        if version.is_inline:
            kept = await to_thread.run_sync(opened.content, part)

            if not kept:
                raise ArchiveRefused(self.file, f"{part} is empty")
        else:
            path = versions.named_path(version.ending or ".value")
            draft.files.append(path)
            await to_thread.run_sync(opened.extract, part, path)
            await versions.files.in_thread(versions.files.keep, path)
            kept = os.path.basename(path)

        return VersionRecord(
            node.id,
            version.number,
            kept,
            editor_id=version.editor_id,
            comment=version.comment or f"imported from {opened.scenario.scenario_id}",
            holder_id=None if node.driver.is_durable else versions.holder_id,
            facts=json.dumps(dict(version.facts)) if version.facts else None,
        )

    async def _put_file(
        self, draft: ScenarioDraft, opened: Archive, node: NodeState, part: str
    ) -> None:
        """Write a file of the user's, unless it is there."""
        versions, driver = self.engine.versions, node.driver
        target = await to_thread.run_sync(driver.file_of, None)
        assert isinstance(target, str)
        staged = driver.staging_path(versions.new_path(node))

        if not await to_thread.run_sync(os.path.lexists, target):
            draft.files.append(target)
            copy = partial(opened.copy, part)
            write = partial(
                replace_file, target, copy, staged, sync=True, is_users=True
            )
            await to_thread.run_sync(write)

        kept = await to_thread.run_sync(seen, driver, None)
        comment = f"imported from {opened.scenario.scenario_id}"
        draft.fill(node, versions.replace(node, kept, said=Said(comment=comment)))


def _settled(
    properties: Mapping[str, Any], config: ScenarioConfig
) -> Iterator[tuple[str, Any]]:
    """Give properties with what they refer to in the environment, as the config has it."""
    for key, value in properties.items():
        if not (isinstance(value, str) and value.startswith("ENV[")):
            yield key, value
        elif key in config.properties:
            yield key, config.properties[key]


def _has(opened: Archive, part: str, file: str) -> bool:
    """Tell whether a file has what a part has. Blocks."""
    if not os.path.isfile(file):
        return False

    with open(file, "rb") as there:
        return opened.is_like(part, there)
