"""Amendments: what is added to a scenario section after it was configured.

All that stands for the section is amended: the one that the user holds, and the one that
is in its place since what it refers to was configured anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from asyncflow.config.checks import scenarios
from asyncflow.config.converters import as_comparators, as_sequences
from asyncflow.config.registry import HOMES
from asyncflow.config.sections import DataNodeConfig, ScenarioConfig, TaskConfig
from asyncflow.errors import ConfigError


def add_comparator(
    section: ScenarioConfig,
    node: DataNodeConfig | str,
    comparator: Callable[..., object],
) -> None:
    """See `ScenarioConfig.add_comparator`."""
    for one in _all(section):
        ((key, functions),) = as_comparators({node: comparator}).items()
        known = one.comparators.get(key, ())
        added = tuple(function for function in functions if function not in known)
        _check(scenarios.comparators(one, {key: functions}))
        _take(one.comparators, {**one.comparators, key: (*known, *added)})


def delete_comparator(section: ScenarioConfig, node: DataNodeConfig | str) -> None:
    """See `ScenarioConfig.delete_comparator`."""
    key = node if isinstance(node, str) else node.id

    for one in _all(section):
        left = {name: each for name, each in one.comparators.items() if name != key}
        _take(one.comparators, left)


def add_sequences(
    section: ScenarioConfig, sequences: Mapping[str, TaskConfig | Iterable[TaskConfig]]
) -> None:
    """See `ScenarioConfig.add_sequences`."""
    given = as_sequences(sequences)

    for one in _all(section):
        own = {task.key: task for task in one.task_configs}
        pointed = given

        if isinstance(given, Mapping):
            pointed = {
                name: tuple(own.get(getattr(task, "key", ""), task) for task in tasks)
                for name, tasks in given.items()
            }

        _check(scenarios.sequences(one, pointed))
        _take(one.sequences, {**one.sequences, **pointed})


def remove_sequences(section: ScenarioConfig, names: str | Iterable[str]) -> None:
    """See `ScenarioConfig.remove_sequences`."""
    gone = {names} if isinstance(names, str) else {*names}

    for one in _all(section):
        left = {name: part for name, part in one.sequences.items() if name not in gone}
        _take(one.sequences, left)


def _all(section: ScenarioConfig) -> Iterator[ScenarioConfig]:
    """Yield a section, and the current one of its id."""
    yield section
    home = HOMES.get(section)
    registry = None if home is None else home()
    current = section if registry is None else registry.current(section)

    if current is not section:
        yield current


def _take(kept: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Have a mapping of a section, and of those made of it, hold something else."""
    assert isinstance(kept, dict)
    kept.clear()
    kept.update(wanted)


def _check(problems: Iterable[Any]) -> None:
    if found := [*problems]:
        raise ConfigError(found)
