"""Exports: a scenario in a file, for another store."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import attrs
from anyio import to_thread

from asyncflow.entities.exported import ExportedScenario
from asyncflow.entities.scenario import Scenario
from asyncflow.entities.submittable import nodes_of
from asyncflow.errors import NotFound, UsageError, ValueMissing
from asyncflow.log import logger as _logger
from asyncflow.records import DataNodeRecord, ScenarioRecord, VersionRecord
from asyncflow.runs.node import NodeState
from asyncflow.runtime import archive
from asyncflow.secret import concealed, secrets_in, without_password
from asyncflow.stores._properties import dump_properties
from asyncflow.values.copies import ending
from asyncflow.values.files import ValueFiles
from asyncflow.values.stored import chain

if TYPE_CHECKING:
    from asyncflow.runtime.engine import Engine

IN_A_PLACE = "its value is in a place that is no file of this machine: {kind}"
PLAIN = ("id", "config_id", "name", "created", "tags")
"""What of a scenario's record is written as it is."""
OWN = frozenset({*PLAIN, "properties", "revision", "cycle_id"})
"""What is not among what else a record has."""


@attrs.define(eq=False, repr=False)
class Export:
    """Writes a scenario to a file.

    :param has_data: whether values are written, too
    """

    engine: Engine
    scenario: Scenario
    has_data: bool
    _left_out: dict[str, str] = attrs.field(init=False, factory=dict)
    _parts: list[str | bytes] = attrs.field(init=False, factory=list)

    async def write(self, path: object, *, overwrite: bool) -> ExportedScenario:
        """Write it; see `Scenario.export`."""
        file = _file_of(path)
        before: list[VersionRecord] | None = None

        while True:
            versions = await self._versions()
            records = await self._records(versions)
            parts = tuple(self._parts)
            files = self.engine.versions.files
            how = (file, records, parts, overwrite, files)

            try:
                await files.in_thread(_write, *how)
            except (FileNotFoundError, ValueMissing) as error:  # others have written
                if isinstance(error, ValueMissing):
                    name = error.place
                elif (name := str(error.filename)) not in self._parts:
                    raise

                if versions == before:
                    raise ValueMissing(name) from error

                before = versions
                continue

            break

        for name, why in self._left_out.items():
            _logger.warning("the archive %s has no %s: %s", file, name, why)

        return ExportedScenario(
            path=file,
            scenario_id=self.scenario.id,
            data_nodes=tuple(
                node["config_id"]
                for node in records["data_nodes"]
                if node["versions"] or node["file"]
            ),
            left_out=self._left_out,
        )

    async def _versions(self) -> list[VersionRecord]:
        nodes = {node.id: node for node in nodes_of(self.scenario).values()}
        return await self.engine.store.versions(node_ids=nodes, is_kept=True)

    async def _records(self, versions: list[VersionRecord]) -> dict[str, Any]:
        store = self.engine.store
        record = await store.get(self.scenario.id)
        self._parts, self._left_out = [], {}

        if not isinstance(record, ScenarioRecord):
            self.engine.identity_map.forget(self.scenario.id)
            raise NotFound(self.scenario.id)

        nodes = {node.id: node for node in nodes_of(self.scenario).values()}
        kept = {node.id: node for node in await store.data_nodes(node_ids=nodes)}
        found: dict[str, list[VersionRecord]] = {node_id: [] for node_id in nodes}

        for version in versions:
            found[version.node_id].append(version)

        return {
            "format": archive.FORMAT,
            "schema": archive.SCHEMA,
            "scenario": self._scenario(record),
            "data_nodes": [
                await self._node(node, kept.get(node_id), found[node_id])
                for node_id, node in nodes.items()
            ],
            "left_out": self._left_out,
        }

    def _scenario(self, record: ScenarioRecord) -> dict[str, Any]:
        facts = record._asdict()
        text, pickled = dump_properties(self._properties(record), record.id)
        return {
            **{name: facts[name] for name in PLAIN},
            "properties": {} if pickled is not None else json.loads(text),
            "pickled": None if pickled is None else pickled.hex(),
            "more": {name: facts[name] for name in facts if name not in OWN},
        }

    def _properties(self, record: ScenarioRecord) -> dict[str, Any]:
        """Return properties without secrets; what refers to the environment does so."""
        declared = self.engine.loader.config.scenarios.get(record.config_id)
        raw: Mapping[str, Any] = {} if declared is None else declared.properties
        found: dict[str, Any] = {}

        for key, value in record.properties.items():
            text = concealed(key, raw.get(key))

            if type(text) is str and text.startswith("ENV["):
                found[key] = text
            elif any(secrets_in([text, concealed(key, value)])):
                self._left_out[f"property {key}"] = "it is a secret"
            else:
                found[key] = value

        return found

    async def _node(
        self,
        node: NodeState,
        record: DataNodeRecord | None,
        versions: list[VersionRecord],
    ) -> dict[str, Any]:
        attributes = (
            json.loads(record.attributes) if record and record.attributes else {}
        )
        attributes.pop("path", None)  # of this machine
        kept, file = [], None

        if self.has_data and node.driver.keeps_versions:
            kept = [self._version(version) for version in chain(node, versions)]
        elif self.has_data and versions:
            file = await self._file(node, versions)

        return {
            "config_id": node.config_id,
            "storage_type": node.config.storage_type,
            "scope": node.config.scope.value,
            "attributes": attributes,
            "versions": kept,
            "file": file,
        }

    def _version(self, record: VersionRecord) -> dict[str, Any]:
        kept, part, end = record.kept, None, ""

        if isinstance(kept, str):
            end = ending(kept)
            end = end[end.rfind(".") :]  # not the digest: nobody has to believe that
            kept = os.path.join(self.engine.versions.folder, kept)

        if kept is not None:
            part = archive.part_name(len(self._parts))
            self._parts.append(kept)

        return {
            "number": record.number,
            "comment": without_password(record.comment),
            "editor_id": record.editor_id,
            "facts": _told(record.facts),
            "part": part,
            "is_inline": isinstance(kept, bytes),
            "ending": end,
        }

    async def _file(self, node: NodeState, versions: list[VersionRecord]) -> str | None:
        """Have the user's file written; None where there is none, which is told."""
        driver = node.driver
        is_here = not driver.is_remote
        file = await to_thread.run_sync(driver.file_of, None) if is_here else None

        if not isinstance(file, str) or await to_thread.run_sync(os.path.isdir, file):
            kind = node.config.storage_type
            self._left_out[node.config_id] = IN_A_PLACE.format(kind=kind)
            return None

        if not await to_thread.run_sync(os.path.exists, file):
            if any(version.fingerprint for version in versions):  # it was
                self._left_out[node.config_id] = f"its file {file} is not there"

            return None

        self._parts.append(file)
        return archive.part_name(len(self._parts) - 1)


def _write(
    file: str,
    records: Mapping[str, Any],
    parts: tuple[str | bytes, ...],
    overwrite: bool,
    files: ValueFiles,
) -> None:
    if not overwrite and os.path.lexists(file):
        raise UsageError(
            f"{file} is there already: give another path, or export(..., overwrite=True)"
        )

    with ExitStack() as stack:
        here = [
            stack.enter_context(files.here(part)) if isinstance(part, str) else part
            for part in parts
        ]
        archive.write(file, records, tuple(here))


def _told(facts: str | None) -> dict[str, Any]:
    """Return what else who wrote by hand has said, without passwords."""
    found: dict[str, Any] = json.loads(facts) if facts else {}
    return {
        name: without_password(value) if isinstance(value, str) else value
        for name, value in found.items()
    }


def _file_of(path: object) -> str:
    """Return a path as text.

    :raises TypeError: where it is none
    """
    file = os.fspath(path) if isinstance(path, os.PathLike) else path

    if not isinstance(file, str) or not file:
        raise TypeError(f"path is a text, or a Path; got {path!r}")

    return os.path.expanduser(file)
