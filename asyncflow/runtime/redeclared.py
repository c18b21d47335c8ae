"""Scenario configs that were declared anew, while scenarios have those of before."""

from __future__ import annotations

from collections.abc import Iterator, MutableSet
from types import FunctionType
from weakref import WeakSet

import attrs

from asyncflow.config import Configuration
from asyncflow.config.section import Section, same_value
from asyncflow.config.sections import ScenarioConfig
from asyncflow.errors import ConfigError
from asyncflow.log import logger as _logger

_WARNING = (
    "%s runs as it was declared when it was created or got; %r was declared anew since, "
    "with another content (%s). Create a scenario of it to run what is declared now"
)


class Redeclared:
    """Warns once of each scenario config that scenarios have in an older form.

    :param config: what is declared
    """

    def __init__(self, config: Configuration) -> None:
        self.config = config
        self._revision: int = -1
        self._last: ScenarioConfig | None = None
        self._judged: MutableSet[ScenarioConfig] = WeakSet()
        """Those that were looked at in this revision."""
        self._warned: MutableSet[ScenarioConfig] = WeakSet()

    def look(self, scenario_id: str, section: ScenarioConfig) -> None:
        """Look whether a scenario has what is declared now: fast where nothing is new."""
        if self.config.revision != self._revision:
            self._revision = self.config.revision
            self._judged.clear()
        elif section is self._last or section in self._judged:
            self._last = section
            return

        self._last = section
        self._judged.add(section)

        if section not in self._warned and (parts := self._changed(section)):
            self._warned.add(section)
            _logger.warning(_WARNING, scenario_id, section.id, ", ".join(parts))

    def _changed(self, section: ScenarioConfig) -> list[str]:
        """Return what is declared otherwise now."""
        current = self.config.scenarios.get(section.key)

        if current is None or current is section:
            return []

        try:
            now = self.config.settled(current)
        except ConfigError:  # what is wrong is told by others
            return []

        return [] if now is section else [*_differing(section, now)]


def _differing(before: ScenarioConfig, now: ScenarioConfig) -> Iterator[str]:
    """Give the sections, and their fields, in which two scenario configs differ."""
    old, new = _sections(before), _sections(now)

    for label in old.keys() | new.keys():
        if label not in old or label not in new:
            yield label
            continue

        for field in attrs.fields(type(new[label])):
            values = [getattr(nodes[label], field.name, None) for nodes in (old, new)]

            if not _is_same(*values):
                yield f"{label}.{field.name}"


def _sections(scenario: ScenarioConfig) -> dict[str, Section]:
    parts = (scenario, *scenario.task_configs, *scenario.data_node_configs)
    return {section.label: section for section in parts}


def _is_same(old: object, new: object) -> bool:
    """Compare two fields: sections by their names, functions by what they do."""
    if isinstance(old, tuple) and isinstance(new, tuple):
        return len(old) == len(new) and all(map(_is_same, old, new))

    if isinstance(old, Section) and isinstance(new, Section):
        return old.label == new.label

    if isinstance(old, FunctionType) and isinstance(new, FunctionType):
        return old.__code__ == new.__code__ and old.__defaults__ == new.__defaults__

    return same_value(old, new)
