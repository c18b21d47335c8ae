"""Versions of an application: labels of scenarios, and what they were declared as.

Loaded where an orchestrator has a label.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from asyncflow.config.frequency import name_of
from asyncflow.config.sections import CoreConfig
from asyncflow.errors import ConfigError, Problem
from asyncflow.records import LabelRecord

if TYPE_CHECKING:
    from asyncflow.abc import Store
    from asyncflow.config import Configuration

PRODUCTION, EXPERIMENT, DEVELOPMENT = "production", "experiment", "development"

REMEDY = (
    "declare it as it was, give another version, or `Config.configure_core(force=True)` "
    "to keep what is declared now"
)

Kept = dict[str, Any]


def name_of_label(version: str | None, core: CoreConfig) -> str | None:
    """Return the label of an orchestrator; None for none.

    :param version: what it was given itself
    """
    if version is not None:
        return version

    return None if core.mode == DEVELOPMENT else core.version_number or None


@attrs.define(eq=False, repr=False)
class Labels:
    """The label of an orchestrator, and what it sees.

    :param name: the label
    """

    store: Store
    config: Configuration
    name: str
    _checked: int = attrs.field(init=False, default=-1)
    """The revision of the configuration that was compared last."""

    @property
    def is_production(self) -> bool:
        """Whether it sees all labels that are in production."""
        return self.config.core_config.mode == PRODUCTION

    async def open(self) -> None:
        """Take note of the label; compare what is declared, if that is wanted."""
        core = self.config.core_config
        record = LabelRecord(self.name, self.is_production, "", time.time())
        await self.store.label(record)

        if core.mode in (EXPERIMENT, PRODUCTION):
            await self.check()

    async def check(self) -> None:
        """Compare what is declared with what was kept of the label, if it has changed.

        What was kept has more from then on: configs that are new.

        :raises ConfigError: where a config is another one now
        """
        core, revision = self.config.core_config, self.config.revision

        if core.mode not in (EXPERIMENT, PRODUCTION) or self._checked == revision:
            return

        declared = described(self.config)

        while True:
            kept = await self._kept()
            before: Kept = json.loads(kept.config) if kept.config else {}
            problems = [*_problems(self.name, before, declared)]

            if problems and not core.force:
                raise ConfigError(problems)

            text = json.dumps({**before, **declared}, sort_keys=True)

            if text == kept.config or await self.store.relabel(
                kept._replace(config=text), before=kept.config
            ):
                self._checked = revision
                return

    async def visible(self) -> tuple[str, ...]:
        """Return the labels of the scenarios that are listed, its own among them."""
        if not self.is_production:
            return (self.name,)

        return tuple(
            label.name for label in await self.store.labels() if label.is_production
        )

    async def later_than(self, label: str) -> list[str]:
        """Return the labels in production after one, up to its own, in their order."""
        names = [
            label.name for label in await self.store.labels() if label.is_production
        ]

        if label not in names or self.name not in names:
            return []

        return names[names.index(label) + 1 : names.index(self.name) + 1]

    async def _kept(self) -> LabelRecord:
        for label in await self.store.labels():
            if label.name == self.name:
                return label

        record = LabelRecord(self.name, self.is_production, "", time.time())
        return await self.store.label(record)  # somebody has cleaned it away


def described(config: Configuration) -> Kept:
    """Return what a label is compared by: graphs, scopes, storage types, frequencies."""
    return {
        scenario.id: {
            "frequency": None
            if scenario.frequency is None
            else name_of(scenario.frequency),
            "tasks": {
                task.id: [
                    [node.id for node in task.input],
                    [node.id for node in task.output],
                ]
                for task in scenario.task_configs
            },
            "data_nodes": {
                node.id: [node.storage_type, node.scope.value]
                for node in scenario.data_node_configs
            },
        }
        for scenario in config.scenarios.values()
    }


def _problems(label: str, before: Kept, now: Kept) -> Iterator[Problem]:
    for name, versions in now.items():
        if name in before:
            yield from _of_scenario(label, name, before[name], versions)


def _of_scenario(
    label: str, name: str, before: Mapping[str, Any], now: Mapping[str, Any]
) -> Iterator[Problem]:
    def problem(section: str, field: str, message: str) -> Problem:
        text = f"{message}, in version {label!r}"
        return Problem(section=section, field=field, message=text, remedy=REMEDY)

    where = f"SCENARIO.{name}"

    if before["frequency"] != now["frequency"]:
        text = f"it was {before['frequency']}, and is {now['frequency']}"
        yield problem(where, "frequency", text)

    for kind, section in (("tasks", "TASK"), ("data_nodes", "DATA_NODE")):
        old, new = before[kind], now[kind]

        for part in sorted({*old, *new}):
            if part not in new:
                yield problem(where, kind, f"{part!r} is not in it any more")
            elif part not in old:
                yield problem(where, kind, f"{part!r} was not in it")
            elif old[part] != new[part]:
                fields = FIELDS[kind]
                for field, was, is_now in zip(
                    fields, old[part], new[part], strict=True
                ):
                    if was != is_now:
                        text = f"it was {was!r}, and is {is_now!r}"
                        yield problem(f"{section}.{part}", field, text)


FIELDS: Mapping[str, tuple[str, str]] = {
    "tasks": ("input", "output"),
    "data_nodes": ("storage_type", "scope"),
}
