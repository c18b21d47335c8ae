"""Duplication: a scenario made of another one, with what its data nodes have."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs
from anyio import to_thread

from asyncflow import ids
from asyncflow.abc import is_address
from asyncflow.config.checks.data_nodes import fields_of
from asyncflow.config.checks.values import one_of
from asyncflow.config.sections import NOT_GIVEN, DataNodeConfig, NotGiven
from asyncflow.entities.scenario import Scenario
from asyncflow.entities.submittable import dag_of, nodes_of, tasks_of
from asyncflow.errors import NotCopied, NotFound, UsageError, ValueMissing
from asyncflow.records import (
    BasisRecord,
    DataNodeRecord,
    ScenarioRecord,
    VersionRecord,
)
from asyncflow.runs.node import NodeState, Said
from asyncflow.runtime.checks import check_kept, check_name
from asyncflow.runtime.draft import ScenarioDraft
from asyncflow.runtime.updating import check_authorized, properties_of, tags_of
from asyncflow.values.copies import ending, link_all
from asyncflow.values.stored import chain
from asyncflow.worker.outputs import published
from asyncflow.worker.wire import seen

if TYPE_CHECKING:
    from asyncflow.runtime.engine import Engine

NO_FILE = (
    "it is {kind!r}, in a place that all scenarios of this config have: name the data "
    "nodes to copy in `data`, without this one; then both have that place"
)
SHARED_FILE = (
    "its file {path} would be that of both: say where the copy goes, "
    "`paths={{{name!r}: ...}}`, or name the data nodes to copy in `data`, without this one"
)

Named: TypeAlias = "str | DataNodeConfig"


@attrs.frozen(kw_only=True, eq=False)
class Wanted:
    """What is to be other than in the scenario that is duplicated.

    :param data: the data nodes whose values it gets; True for all of its own, False for
        none
    :param paths: where copies of the user's files are to be
    """

    creation_date: datetime | None = None
    name: str | NotGiven | None = NOT_GIVEN
    data: Iterable[Named] | bool = True
    paths: Mapping[Any, str | os.PathLike[str]] | None = None
    properties: Mapping[str, Any] | None = None
    tags: Iterable[str] | None = None


@attrs.define(eq=False, repr=False)
class Duplication:
    """Makes a duplicate of a scenario.

    :param source: the one that is there
    """

    engine: Engine
    source: Scenario
    wanted: Wanted
    _paths: dict[str, str] = attrs.field(init=False)
    _names: frozenset[str] = attrs.field(init=False)
    """Those of the data nodes whose values are copied."""
    _kept: dict[str, DataNodeRecord] = attrs.field(init=False)
    """What the store has of the source's data nodes, by their config ids."""

    async def make(self) -> Scenario:
        """Make it; see `Scenario.duplicate`."""
        dag_of(self.source).check_declared()
        record = await self._record()
        own = {
            n: node for n, node in nodes_of(self.source).items() if not node.is_shared
        }
        self._paths = self._placed(own)
        self._names = self._chosen(own)
        await self._check_files(own)

        config, date = self.source.config, self.wanted.creation_date
        draft = await ScenarioDraft.begin(self.engine, config, record, date)

        try:
            await self._take_templates(draft, own)

            for name in own:
                self._take_attributes(draft, name)

            await self._link_values(draft, own)
            await self._copy_files(draft, own)
        except BaseException:
            await draft.drop()
            raise

        return await draft.save(await self._bases(draft))

    async def _record(self) -> ScenarioRecord:
        """Return what the new scenario is to have of its own."""
        store, wanted = self.engine.store, self.wanted
        record = await store.get(self.source.id)

        if not isinstance(record, ScenarioRecord):
            self.engine.identity_map.forget(self.source.id)
            raise NotFound(self.source.id)

        nodes = await store.data_nodes(owner_id=self.source.id)
        self._kept = {node.config_id: node for node in nodes}

        for node in nodes_of(self.source).values():
            if not node.is_shared and node.config_id in self._kept:
                self.engine.identity_map.take(node, self._kept[node.config_id])

        if wanted.name is not NOT_GIVEN:
            check_name(wanted.name)
            record = record._replace(name=wanted.name)

        if more := properties_of(wanted.properties):
            check_kept(more, self.source.id)
            record = record._replace(properties={**record.properties, **more})

        if wanted.tags is not None:
            tags = tags_of(wanted.tags)
            check_authorized(self.source, tags)
            record = record._replace(tags=tuple(sorted(tags)))

        return record

    def _placed(self, own: Mapping[str, NodeState]) -> dict[str, str]:
        """Return the absolute paths that were given, by config ids."""
        found: dict[str, str] = {}

        for key, path in (self.wanted.paths or {}).items():
            name, text = self._known(key, own, "paths"), os.fspath(path)

            if own[name].config.default_path is None:
                raise UsageError(
                    f"paths names {name!r}, which has no file of yours: leave it out"
                )

            found[name] = self.engine.identity_map.directory.placed(text)

        return found

    def _chosen(self, own: Mapping[str, NodeState]) -> frozenset[str]:
        data = self.wanted.data

        if isinstance(data, bool):
            return frozenset(own) if data else frozenset(self._paths)

        if isinstance(data, str):
            raise TypeError(f"data is several data nodes, as in {{{data!r}}}")

        chosen = {self._known(key, nodes_of(self.source), "data") for key in data}
        return frozenset(chosen).intersection(own).union(self._paths)

    def _known(self, key: Any, nodes: Mapping[str, NodeState], option: str) -> str:
        name = key.id if isinstance(key, DataNodeConfig) else key

        if name not in nodes:
            where = " of its own" if option == "paths" else ""
            raise UsageError(
                f"{option} names {name!r}, and scenario {self.source.config_id!r} has no "
                f"such data node{where}: {one_of(name, nodes)}"
            )

        return str(name)

    async def _check_files(self, own: Mapping[str, NodeState]) -> None:
        """Refuse what cannot be copied, all of it at once.

        :raises NotCopied: where something cannot
        """
        checks = [own[name] for name in own if name in self._names]
        reasons = await to_thread.run_sync(lambda: dict(self._refused(checks)))

        if reasons:
            raise NotCopied(self.source.id, reasons)

    def _refused(self, nodes: Iterable[NodeState]) -> Iterator[tuple[str, str]]:
        targets: dict[str, str] = {}

        for node in nodes:
            name = node.config_id

            if node.driver.keeps_versions:
                continue

            if node.config.default_path is None:
                kind = node.config.storage_type
                yield name, NO_FILE.format(kind=kind)
            elif name not in self._paths and fields_of(node.config.default_path):
                continue  # where it goes is known with the new scenario
            elif name not in self._paths:
                yield name, SHARED_FILE.format(path=node.path, name=name)
            else:
                target = self._paths[name]

                if why := self._refused_path(node, target, targets):
                    yield name, why

                targets[target] = name

    def _refused_path(
        self, node: NodeState, target: str, others: Mapping[str, str]
    ) -> str | None:
        source, driver = node.driver, self.engine.identity_map.driver_at(node, target)

        if target in others:
            return f"{target} is to be the file of {others[target]!r} too"

        if driver.exists():
            return f"{target} is there already: give another path, or move it away"

        if source.is_remote or not isinstance(source.file_of(None), str | None):
            path = str(node.path)
            return (
                f"{path} is no file of this machine: copy it yourself, leave it out "
                f"of `data`, and `await scenario.{node.config_id}.update(path=...)`"
            )

        file = source.file_of(None)

        if isinstance(file, str) and os.path.isdir(file):
            return f"{file} is a folder: copy it yourself, and leave it out of `data`"

        return None

    async def _take_templates(
        self, draft: ScenarioDraft, own: Mapping[str, NodeState]
    ) -> None:
        """Have files copied to where their templates say for the new scenario.

        :raises NotCopied: where that is no place for them
        """
        found = {
            name: str(draft.nodes[name].path)
            for name in own
            if draft.nodes[name].initial
            and name in self._names
            and name not in self._paths
        }
        taken = {path: name for name, path in self._paths.items()}
        reasons = await to_thread.run_sync(
            lambda: {
                name: why
                for name, path in found.items()
                if (why := self._refused_path(own[name], path, taken))
            }
        )

        if reasons:
            raise NotCopied(self.source.id, reasons)

        self._paths |= found

    def _take_attributes(self, draft: ScenarioDraft, name: str) -> None:
        """Have a data node have the name and the validity of its model, and its path."""
        kept = self._kept.get(name)
        attributes = json.loads(kept.attributes) if kept and kept.attributes else {}

        if name in self._paths:
            attributes["path"] = self._paths[name]
        elif draft.nodes[name].initial:
            attributes["path"] = draft.nodes[name].path

        if attributes:
            text = json.dumps(attributes, sort_keys=True)
            draft.change(draft.nodes[name], text)

    async def _link_values(
        self, draft: ScenarioDraft, own: Mapping[str, NodeState]
    ) -> None:
        """Give the data nodes whose values asyncflow keeps these values."""
        nodes = {
            node.id: node
            for name, node in own.items()
            if name in self._names and node.driver.keeps_versions
        }
        versions = self.engine.versions
        before: list[VersionRecord] | None = None

        while True:
            records = await self.engine.store.versions(node_ids=nodes, is_kept=True)
            copies = self._copies(draft, nodes, records)
            pairs = [(old, new) for _, old, new in copies if old and new]

            try:
                await versions.files.in_thread(link_all, pairs, versions.files)
            except (FileNotFoundError, ValueMissing) as error:
                if records == before:  # nobody has written meanwhile
                    if isinstance(error, ValueMissing):
                        raise

                    raise ValueMissing(str(error.filename)) from error

                before = records
                continue

            draft.files += [new for _, new in pairs]

            for node in nodes.values():
                target = draft.nodes[node.config_id]
                made = [
                    version for version, _, _ in copies if version.node_id == target.id
                ]

                if made:
                    draft.fill(target, made)

            return

    def _copies(
        self,
        draft: ScenarioDraft,
        nodes: Mapping[str, NodeState],
        records: Iterable[VersionRecord],
    ) -> list[tuple[VersionRecord, str, str]]:
        """Return the new versions; for each the file that there is, and its new name."""
        versions = self.engine.versions
        found: dict[str, list[VersionRecord]] = {node_id: [] for node_id in nodes}
        copies: list[tuple[VersionRecord, str, str]] = []

        for record in records:
            found[record.node_id].append(record)

        for node_id, node in nodes.items():
            target = draft.nodes[node.config_id]

            for record in chain(node, found[node_id]):
                kept, old, new = record.kept, "", ""

                if isinstance(kept, str):
                    old = os.path.join(versions.folder, kept)
                    new = versions.named_path(ending(kept))
                    kept = os.path.basename(new)

                made = VersionRecord(
                    target.id,
                    record.number,
                    kept,
                    comment=f"duplicated from {node_id}",
                    holder_id=None if node.driver.is_durable else versions.holder_id,
                )
                copies.append((made, old, new))

        return copies

    async def _copy_files(
        self, draft: ScenarioDraft, own: Mapping[str, NodeState]
    ) -> None:
        """Copy the user's files to where they were asked for."""
        versions = self.engine.versions

        for name, target in self._paths.items():
            node, path = draft.nodes[name], versions.new_path(draft.nodes[name])
            copied = partial(_copied, own[name], node, path)

            if not is_address(target):
                draft.files.append(target)

            if (kept := await to_thread.run_sync(copied)) is not NOT_GIVEN:
                comment = f"duplicated from {own[name].id}"
                draft.fill(
                    node, versions.replace(node, kept, said=Said(comment=comment))
                )

    async def _bases(self, draft: ScenarioDraft) -> list[BasisRecord]:
        """Return what the copied outputs of skippable tasks follow from: all of it was
        copied, or is shared.
        """
        tasks = {
            ids.of_task(name, self.source.id): task
            for name, task in tasks_of(self.source).items()
        }
        managed = {
            node.config_id
            for node in draft.nodes.values()
            if node.driver.keeps_versions
            and (node.is_shared or node.config_id in draft.filled)
        }
        scenario_id = draft.scenario.id
        return [
            basis._replace(
                task_id=ids.of_task(task.config.id, scenario_id),
                scenario_id=scenario_id,
            )
            for basis in await self.engine.store.bases(self.source.id)
            if (task := tasks.get(basis.task_id)) is not None
            and managed.issuperset((*task.input, *task.output))
        ]


def _copied(source: NodeState, node: NodeState, path: str) -> Any:
    """Copy a file of the user's; `NOT_GIVEN` where it was never written. Blocks."""
    file = source.driver.file_of(None)

    if not isinstance(file, str) or not os.path.exists(file):
        return NOT_GIVEN

    driver = node.driver
    kept = published(driver, driver.upload(file, path, node.config_id), path)
    return seen(driver, kept)
