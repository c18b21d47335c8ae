"""Updates: what is changed of scenarios and data nodes after they were made.

Each is a change of some keys. It is made of what the store has, and saved unless somebody
has saved another one meanwhile: then it is made of that.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
from anyio import CancelScope, to_thread

from asyncflow import ids
from asyncflow.config.section import same_value
from asyncflow.config.sections import NOT_GIVEN
from asyncflow.entities.cycle import Cycle, take_cycle
from asyncflow.entities.scenario import Scenario, take_record
from asyncflow.errors import (
    DataNodeIsBeingEdited,
    NotFound,
    UnauthorizedTag,
    UsageError,
)
from asyncflow.records import CycleRecord, DataNodeRecord, ScenarioRecord
from asyncflow.runs.node import NodeState, Said
from asyncflow.runtime.checks import check_kept, check_name
from asyncflow.runtime.sequencing import SequenceChange
from asyncflow.worker.shortened import is_utf8

if TYPE_CHECKING:
    from asyncflow.runtime.engine import Engine

R = TypeVar("R", ScenarioRecord, CycleRecord, DataNodeRecord)


@attrs.frozen(kw_only=True, eq=False)
class ScenarioChange:
    """What is to become of some keys of a scenario, whatever it has now.

    :param tags: all that it is to have; None for those that it has, with some added and
        some removed
    """

    name: Any = NOT_GIVEN
    properties: Mapping[str, Any] = attrs.field(factory=dict[str, Any])
    without: frozenset[str] = frozenset()
    added_tags: frozenset[str] = frozenset()
    removed_tags: frozenset[str] = frozenset()

    @classmethod
    def of(cls, known: Iterable[str], changes: Mapping[str, Any]) -> ScenarioChange:
        """Check what a verb was given.

        :param known: the tags that the scenario has, as far as its user knows
        """
        name = changes.get("name", NOT_GIVEN)

        if name is not NOT_GIVEN:
            check_name(name)

        properties = properties_of(changes.get("properties"))
        without = _names(changes.get("without") or (), "without")
        added = tags_of(changes.get("added_tags") or ())
        removed = frozenset(changes.get("removed_tags") or ())

        if (tags := changes.get("tags")) is not None:
            wanted, before = tags_of(tags), frozenset(known)
            added, removed = wanted - before, before - wanted

        return cls(
            name=name,
            properties=properties,
            without=without - properties.keys(),
            added_tags=added,
            removed_tags=removed,
        )

    def applied(self, record: ScenarioRecord) -> ScenarioRecord:
        """Return what becomes of what is kept."""
        properties = record.properties

        if self.properties or not self.without.isdisjoint(properties):
            properties = {**properties, **self.properties}
            properties = {k: v for k, v in properties.items() if k not in self.without}

        tags = (self.added_tags | {*record.tags}) - self.removed_tags
        return record._replace(
            name=record.name if self.name is NOT_GIVEN else self.name,
            properties=properties,
            tags=record.tags if tags == {*record.tags} else tuple(sorted(tags)),
        )


@attrs.frozen(eq=False)
class Updating:
    """Changes attributes; see `Scenario.update` and `DataNode.update`."""

    engine: Engine

    async def entity(
        self, entity: Scenario | Cycle, changes: Mapping[str, Any]
    ) -> None:
        """Change a scenario or a cycle, and tell who wants to know."""
        if isinstance(entity, Scenario):
            await self._scenario(entity, changes)
        else:
            await self._cycle(entity, changes)

    async def _scenario(self, scenario: Scenario, changes: Mapping[str, Any]) -> None:
        """Change a scenario, and tell who wants to know."""
        change = ScenarioChange.of(scenario.tags, changes)
        check_authorized(scenario, change.added_tags)
        check_kept(change.properties, scenario.id)

        with CancelScope(shield=True):
            before, record = await self._changed(scenario, change.applied)
            names = ("name", "properties", "tags")
            self._tell(scenario.id, scenario.config_id, before, record, names)

    async def sequences(self, scenario: Scenario, changes: Mapping[str, Any]) -> None:
        """Change the sequences of a scenario, and tell who wants to know."""
        change = SequenceChange.of(scenario, changes)

        with CancelScope(shield=True):
            before, record = await self._changed(scenario, change.applied)
            self._tell(scenario.id, scenario.config_id, before, record, ("sequences",))

            if record is not before and self.engine.bus.hears_entities:
                self.engine.bus.tell([*change.events(before, record)])

    async def _changed(
        self, scenario: Scenario, apply: Callable[[ScenarioRecord], ScenarioRecord]
    ) -> tuple[ScenarioRecord, ScenarioRecord]:
        """Save a change of a scenario, and have its handles show it."""
        before, record = await self._saved(scenario.id, ScenarioRecord, apply)
        take_record(scenario, record)
        found = self.engine.identity_map.find(scenario.id)

        if isinstance(found, Scenario):
            take_record(found, record)

        return before, record

    async def _cycle(self, cycle: Cycle, changes: Mapping[str, Any]) -> None:
        """Change the name or the properties of a cycle, and tell who wants to know."""
        name = changes.get("name", NOT_GIVEN)

        if name is not NOT_GIVEN and not (isinstance(name, str) and name):
            raise TypeError(f"the name of a cycle is a text; got {name!r}")

        properties = _in_json(properties_of(changes.get("properties")))
        without = _names(changes.get("without") or (), "without") - properties.keys()

        def applied(record: CycleRecord) -> CycleRecord:
            known = record.properties
            made = {
                k: v for k, v in {**known, **properties}.items() if k not in without
            }
            text = _text(made) if made else ""
            called = record.name if name is NOT_GIVEN else name
            record = record._replace(name=called)
            return record if made == known else record._replace(attributes=text)

        with CancelScope(shield=True):
            before, record = await self._saved(cycle.id, CycleRecord, applied)
            take_cycle(cycle, record)
            self.engine.identity_map.cycle(record)

            if record is not before and self.engine.bus.hears_entities:
                from asyncflow.notify import entities

                names = ["name"] if record.name != before.name else []
                is_same = record.attributes == before.attributes
                names += [] if is_same else ["properties"]
                event = entities.updated(cycle.id, None, names)
                self.engine.bus.tell([event])

    async def node(self, node: NodeState, changes: Mapping[str, Any]) -> None:
        """Change a data node, and tell who wants to know."""
        wanted = _attributes(node, changes)

        if "path" in wanted:
            wanted["path"] = self._place(node, wanted["path"])

        def applied(record: DataNodeRecord) -> DataNodeRecord:
            if "path" in wanted and record.editor_id is not None:
                node.take_lock(record)
                self._check_unlocked(node)

            known = json.loads(record.attributes) if record.attributes else {}
            made = {**known, **wanted}
            return record if made == known else record._replace(attributes=_text(made))

        with CancelScope(shield=True):
            before, record = await self._saved(node.id, DataNodeRecord, applied)
            place = node.path
            self.engine.identity_map.take(node, record)

            if node.path != place:
                await self._moved(node)

            if record is not before:
                self._tell_node(node, tuple(wanted))

    async def _moved(self, node: NodeState) -> None:
        """Take note that a value is elsewhere now."""
        versions = self.engine.versions
        await to_thread.run_sync(node.driver.locate)
        said = Said(comment=f"its path is {node.path}")
        await versions.edit(node, lambda _: None, said)

    async def _saved(
        self, record_id: str, kind: type[R], apply: Callable[[R], R]
    ) -> tuple[R, R]:
        """Save a change; return what was kept before, and what is now.

        :raises NotFound: where it was deleted
        """
        store = self.engine.store

        while True:
            kept = await store.get(record_id)

            if not isinstance(kept, kind):
                self.engine.identity_map.forget(record_id)
                raise NotFound(record_id)

            wanted = apply(kept)

            if same_value(tuple(wanted), tuple(kept)):
                return kept, kept

            wanted = wanted._replace(revision=ids.new_revision())

            if await store.update(wanted, before=kept.revision):
                return kept, wanted

    def _place(self, node: NodeState, path: object) -> str:
        """Return where a file is to be, whatever the current directory of who reads it."""
        if node.config.default_path is None:
            raise UsageError(
                f"asyncflow chooses where values of {node.config_id!r} are: configure it "
                "with a default_path, then each data node can have a path of its own"
            )

        if self.engine.scheduler.will_be_written(node):
            raise UsageError(
                f"a run is about to write {node.id}: wait for its end, then change the path"
            )

        self._check_unlocked(node)
        text = os.fspath(path) if isinstance(path, os.PathLike) else path

        if not isinstance(text, str) or not text:
            raise TypeError(f"path is a text, or a Path; got {path!r}")

        text = self.engine.identity_map.directory.placed(text)
        self.engine.identity_map.driver_at(node, text)  # it raises what is wrong
        return text

    def _check_unlocked(self, node: NodeState) -> None:
        if node.is_locked:
            raise DataNodeIsBeingEdited(node.config_id, str(node.editor_id))

    def _tell(
        self,
        entity_id: str,
        config_id: str,
        before: ScenarioRecord,
        after: ScenarioRecord,
        names: Iterable[str],
    ) -> None:
        if after is before or not self.engine.bus.hears_entities:
            return

        from asyncflow.notify import entities

        changed = [
            name
            for name in names
            if not same_value(getattr(before, name), getattr(after, name))
        ]
        self.engine.bus.tell([entities.updated(entity_id, config_id, changed)])

    def _tell_node(self, node: NodeState, names: Iterable[str]) -> None:
        if self.engine.bus.hears_entities:
            from asyncflow.notify import entities

            self.engine.bus.tell([entities.updated(node.id, node.config_id, names)])


def properties_of(given: Any) -> Mapping[str, Any]:
    if given is None:
        return {}

    if not isinstance(given, Mapping) or not all(
        isinstance(name, str) for name in given
    ):
        raise TypeError(f"properties is a dict with texts as keys; got {given!r}")

    return dict(given)


def _in_json(properties: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return properties as JSON has them.

    :raises TypeError: where it does not hold one, naming that
    """
    for name, value in properties.items():
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise TypeError(
                f"the property {name!r} of a cycle is a value of JSON ({error}); got "
                f"{value!r}"
            ) from None

    found: Mapping[str, Any] = json.loads(json.dumps(dict(properties)))
    return found


def _names(given: Any, option: str) -> frozenset[str]:
    several = (given,) if isinstance(given, str) else given
    names = frozenset(several if isinstance(several, Iterable) else (several,))

    if not all(isinstance(name, str) for name in names):
        raise TypeError(f"{option} is the names of properties; got {given!r}")

    return names


def tags_of(given: Any) -> frozenset[str]:
    if isinstance(given, str):
        raise TypeError(f"tags are several texts, as in [{given!r}]; got {given!r}")

    if not isinstance(given, Iterable):
        raise TypeError(f"tags are several texts; got {given!r}")

    for tag in (tags := frozenset(given)):
        if not (isinstance(tag, str) and tag and is_utf8(tag)):
            raise TypeError(f"a tag is a text that is not empty; got {tag!r}")

    return tags


def check_authorized(scenario: Scenario, tags: Iterable[str]) -> None:
    """Refuse tags that a config does not allow."""
    allowed = scenario.config.authorized_tags

    for tag in sorted(tags):
        if allowed and tag not in allowed:
            raise UnauthorizedTag(tag, scenario.config_id, allowed)


def _attributes(node: NodeState, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is to be kept of what a verb was given."""
    wanted = {name: value for name, value in changes.items() if value is not NOT_GIVEN}

    if "name" in wanted:
        check_name(wanted["name"])

    if (period := wanted.get("validity_period")) is not None:
        if not isinstance(period, timedelta) or period <= timedelta():
            raise ValueError(
                f"validity_period of {node.config_id!r} is a timedelta above 0, or None; "
                f"got {period!r}"
            )

        wanted["validity_period"] = period.total_seconds()

    return wanted


def _text(attributes: Mapping[str, Any]) -> str:
    return json.dumps(attributes, sort_keys=True)
