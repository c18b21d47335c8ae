"""Changes of the sequences of a scenario, made of what its record says."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs

from asyncflow import ids
from asyncflow.config.checks.names import is_name
from asyncflow.config.checks.values import one_of
from asyncflow.config.sections import ScenarioConfig, TaskConfig
from asyncflow.entities.scenario import Scenario
from asyncflow.entities.sequence import sequence_names
from asyncflow.entities.task import Task
from asyncflow.errors import UsageError
from asyncflow.events import EntityEvent
from asyncflow.records import ScenarioRecord

Kept = Mapping[str, Any]
"""What is kept of a sequence: its ``tasks`` and its ``properties``."""


@attrs.frozen(kw_only=True, eq=False)
class SequenceChange:
    """What is to become of some sequences, whatever the scenario has besides."""

    config: ScenarioConfig
    added: Mapping[str, Kept]
    updated: Mapping[str, Kept]
    renamed: Mapping[str, str]
    removed: tuple[str, ...]

    @classmethod
    def of(cls, scenario: Scenario, changes: Mapping[str, Any]) -> SequenceChange:
        """Check what a verb was given.

        :raises UsageError: where a name cannot be one, or a task is unknown
        """
        renamed = changes.get("renamed", {})
        names = changes.get("removed", ())
        added = {
            name: _kept(scenario, name, () if tasks is None else tasks, properties)
            for name, (tasks, properties) in changes.get("added", {}).items()
        }

        for name in (*added, *renamed.values()):
            _check_name(scenario, name)

        return cls(
            config=scenario.config,
            added=added,
            updated={
                name: _kept(scenario, name, tasks, properties)
                for name, (tasks, properties) in changes.get("updated", {}).items()
            },
            renamed=renamed,
            removed=(names,) if isinstance(names, str) else tuple(names),
        )

    def applied(self, record: ScenarioRecord) -> ScenarioRecord:
        """Return what becomes of what is kept.

        :raises UsageError: where a sequence is there, or is not, as another process may
            have seen to meanwhile
        """
        made: dict[str, Kept | None] = {**record.sequences}
        known = sequence_names(self.config, made)

        for name in (*self.updated, *self.renamed, *self.removed):
            if name not in known:
                raise UsageError(
                    f"scenario {record.config_id!r} has no sequence {name!r}: "
                    f"{one_of(name, known)}"
                )

        for name in (*self.added, *self.renamed.values()):
            if name in known:
                raise UsageError(
                    f"scenario {record.config_id!r} has a sequence {name!r} already: "
                    "choose another name, or update_sequence"
                )

        for name, kept in self.updated.items():
            before = self._kept(made, name)
            properties = {**before["properties"], **kept.get("properties", {})}
            made[name] = {**before, **kept, "properties": properties}

        for old, name in self.renamed.items():
            made[name] = self._kept(made, old)

        made |= {name: {"properties": {}, **kept} for name, kept in self.added.items()}

        for name in (*self.renamed, *self.removed):
            made.pop(name, None)

            if name in self.config.sequences:
                made[name] = None

        return record._replace(sequences=made)

    def events(
        self, before: ScenarioRecord, after: ScenarioRecord
    ) -> Iterator[EntityEvent]:
        """Tell what has become of each sequence."""
        from asyncflow.notify import entities

        had, has = (
            sequence_names(self.config, section.sequences)
            for section in (before, after)
        )

        for name in self.updated:
            sequence_id = ids.of_sequence(name, after.id)
            yield entities.updated(sequence_id, None, ["tasks", "properties"])

        for name in has:
            if name not in had:
                yield entities.new(ids.of_sequence(name, after.id), None)

        gone = [ids.of_sequence(name, after.id) for name in had if name not in has]
        yield from entities.deleted(*gone)

    def _kept(self, made: Mapping[str, Kept | None], name: str) -> Kept:
        """Return what is kept of a sequence, or what its config says."""
        if (kept := made.get(name)) is not None:
            return kept

        tasks = [task.id for task in self.config.sequences[name]]
        return {"tasks": tasks, "properties": {}}


def _kept(
    scenario: Scenario, name: str, tasks: Any, properties: Mapping[str, Any] | None
) -> Kept:
    kept: dict[str, Any] = {}

    if tasks is not None:
        kept["tasks"] = _tasks(scenario, name, tasks)

    if properties is not None:
        try:
            kept["properties"] = json.loads(json.dumps(dict(properties)))
        except (TypeError, ValueError) as error:
            raise UsageError(
                f"properties of sequence {name!r} are what JSON can hold: {error}"
            ) from None

    return kept


def _tasks(scenario: Scenario, name: str, given: Any) -> list[str]:
    """Return the ids of the configs of tasks, once each."""
    is_many = isinstance(given, Iterable) and not isinstance(given, str)
    parts = [*given] if is_many else [given]
    keys = [
        *dict.fromkeys(
            getattr(part, "config_id", getattr(part, "id", part)) for part in parts
        )
    ]
    known = scenario.tasks
    strangers = [str(key) for key in keys if key not in known]
    strangers += [
        part.id
        for part in parts
        if (owner := getattr(part, "owner_id", None))
        and owner != scenario.id
        and part.id not in [task.id for task in known.values()]
    ]
    strangers += [
        f"{part!r:.100}"
        for part in parts
        if not isinstance(part, Task | TaskConfig | str)
    ]

    if strangers:
        raise UsageError(
            f"sequence {name!r}: {', '.join(dict.fromkeys(strangers))} is no task of scenario "
            f"{scenario.config_id!r}, which has {', '.join(known)}"
        )

    if not keys:
        raise UsageError(f"sequence {name!r} has no tasks: give it some")

    return keys


def _check_name(scenario: Scenario, name: object) -> None:
    if not is_name(name):
        raise UsageError(f"a sequence is not called {name!r}: give a Python identifier")

    if name in scenario.tasks or name in scenario.data_nodes:
        raise UsageError(
            f"scenario {scenario.config_id!r} has a task or a data node {name!r}: choose "
            "another name for the sequence"
        )
