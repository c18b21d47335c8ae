"""The difference of two scenarios: versions and fingerprints first, values where these
differ.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import attrs
from anyio import to_thread

from asyncflow.abc import StoredValue
from asyncflow.config.section import same_value
from asyncflow.entities.difference import DataNodeDiff, ScenarioDiff
from asyncflow.entities.scenario import Scenario
from asyncflow.entities.submittable import nodes_of
from asyncflow.errors import AsyncflowError, NotFound
from asyncflow.records import VersionRecord
from asyncflow.runs.node import NodeState, Place
from asyncflow.runtime.value_difference import difference
from asyncflow.values.copies import ending
from asyncflow.values.stored import chain

if TYPE_CHECKING:
    from asyncflow.runtime.engine import Engine

_DIGEST = re.compile(r"-[0-9a-f]{32}\.\w+")
"""How the name of a file ends that tells what is in it."""


@attrs.define(eq=False, repr=False)
class Differences:
    """Compares scenarios; see `Scenario.diff`."""

    engine: Engine

    async def between(self, one_id: str, other_id: str) -> ScenarioDiff:
        """Return what two scenarios have otherwise."""
        one, other = [await self._scenario(each) for each in (one_id, other_id)]
        first, second = nodes_of(one), nodes_of(other)
        both = [name for name in first if name in second]
        versions = await self._versions([*first.values(), *second.values()])
        differing: dict[str, DataNodeDiff] = {}
        unknown: dict[str, str] = {}
        same: list[str] = []

        for name in both:
            pair = first[name], second[name]

            try:
                found = await self._of_nodes(name, *pair, versions)
            except (AsyncflowError, ImportError, AttributeError, OSError) as error:
                unknown[name] = f"{type(error).__name__}: {error}"
                continue

            if found is None:
                same.append(name)
            else:
                differing[name] = found

        return ScenarioDiff(
            one_id=one.id,
            other_id=other.id,
            attributes=dict(_attributes(one, other)),
            data_nodes=differing,
            same=tuple(same),
            only=(
                tuple(name for name in first if name not in second),
                tuple(name for name in second if name not in first),
            ),
            unknown=unknown,
        )

    async def _scenario(self, scenario_id: str) -> Scenario:
        """Return a scenario as it is now."""
        found = await self.engine.loader.get(scenario_id)

        if not isinstance(found, Scenario):
            raise NotFound(scenario_id)

        return found

    async def _versions(self, nodes: list[NodeState]) -> dict[str, VersionRecord]:
        """Return the current version of each data node, as they are at one moment."""
        known = {node.id: node for node in nodes}
        found: dict[str, list[VersionRecord]] = {node_id: [] for node_id in known}

        for record in await self.engine.store.versions(node_ids=known, is_kept=True):
            found[record.node_id].append(record)

        last = {
            node_id: chain(known[node_id], found[node_id])[-1:] for node_id in known
        }
        return {node_id: records[0] for node_id, records in last.items() if records}

    async def _of_nodes(
        self,
        name: str,
        one: NodeState,
        other: NodeState,
        versions: Mapping[str, VersionRecord],
    ) -> DataNodeDiff | None:
        records = versions.get(one.id), versions.get(other.id)
        written = records[0] is not None, records[1] is not None

        if one.id == other.id or written == (False, False):
            return None

        if records[0] is None or records[1] is None:
            return DataNodeDiff(name=name, written=written)

        folder = self.engine.versions.folder
        kept = records[0].kept, records[1].kept

        if await to_thread.run_sync(_is_one, one, other, kept, folder):
            return None

        read = self.engine.versions.read
        values = (
            await read(one, records[0].number),
            await read(other, records[1].number),
        )
        return await to_thread.run_sync(difference, name, *values)


def _is_one(
    one: NodeState,
    other: NodeState,
    kept: tuple[StoredValue, StoredValue],
    folder: str,
) -> bool:
    """Tell whether two data nodes have one value, without a look at it. Blocks."""
    if one.config.storage_type != other.config.storage_type:
        return False

    if not (one.driver.keeps_versions and other.driver.keeps_versions):
        return _is_one_place(one, other)

    first, second = kept

    if isinstance(first, bytes) or isinstance(second, bytes):
        return first == second and first is not None

    if not (isinstance(first, str) and isinstance(second, str)):
        return False

    if (end := ending(first)) == ending(second) and _DIGEST.fullmatch(end):
        return True

    try:
        return os.path.samefile(
            os.path.join(folder, first), os.path.join(folder, second)
        )
    except OSError:
        return False


def _is_one_place(one: NodeState, other: NodeState) -> bool:
    is_one = one.driver.place is not None and one.driver.place == other.driver.place

    if is_one or (
        one.path is None and same_value(one.driver.options, other.driver.options)
    ):
        return True

    prints = Place.of(one.driver).fingerprint, Place.of(other.driver).fingerprint
    return prints[0] is not None and prints[0] == prints[1]


def _attributes(
    one: Scenario, other: Scenario
) -> Iterator[tuple[str, tuple[Any, Any]]]:
    for name in ("config_id", "name"):
        pair = getattr(one, name), getattr(other, name)

        if pair[0] != pair[1]:
            yield name, pair

    if one.tags != other.tags:
        yield "tags", (tuple(sorted(one.tags)), tuple(sorted(other.tags)))

    cycles = [None if s.cycle is None else s.cycle.id for s in (one, other)]

    if cycles[0] != cycles[1]:
        yield "cycle", (cycles[0], cycles[1])

    for key in sorted({*one.properties, *other.properties}):
        values = one.properties.get(key), other.properties.get(key)

        if not same_value(*values):
            yield f"properties.{key}", values
