"""Amendments: what is added to a scenario section after it was configured.

All that stands for the section is amended: the one that the user holds, and the one that
is in its place since what it refers to was configured anew. Sections themselves import
this, so it knows them only by what they have.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from asyncflow.config.converters import as_comparators, as_sequences
from asyncflow.config.section import HOMES
from asyncflow.errors import ConfigError, Problem


def add_comparator(section: Any, node: Any, comparator: Any) -> None:
    """See `ScenarioConfig.add_comparator`."""
    ((key, functions),) = as_comparators({node: comparator}).items()
    known = {node.key for node in section.data_node_configs}
    problems = [f"{each!r} is no function" for each in functions if not callable(each)]

    if key not in known:
        problems.append(f"{key!r} is no data node of the scenario")

    _check(section, "comparators", problems, known)

    for config in _all(section):
        before = config.comparators.get(key, ())
        added = tuple(each for each in functions if each not in before)
        _take(config.comparators, {**config.comparators, key: (*before, *added)})


def delete_comparator(section: Any, node: Any) -> None:
    """See `ScenarioConfig.delete_comparator`."""
    _leave_out("comparators", section, {getattr(node, "id", node)})


def add_sequences(section: Any, sequences: Any) -> None:
    """See `ScenarioConfig.add_sequences`."""
    given: Mapping[str, tuple[Any, ...]] = as_sequences(sequences)
    own = {task.key for task in section.task_configs}
    taken = own | {node.key for node in section.data_node_configs}
    problems: list[str] = []

    for name, tasks in given.items():
        keys = [getattr(task, "key", task) for task in tasks]
        strangers = ", ".join(f"TASK.{key}" for key in keys if key not in own)

        if strangers:
            problems.append(f"{name}: {strangers} is not a task of the scenario")

        if name in taken:
            problems.append(f"{name!r} is also the name of a task or data node")

        if not name.isidentifier():
            problems.append(f"the name {name!r} is no Python identifier")

    _check(section, "sequences", problems, own)

    for config in _all(section):
        current = {task.key: task for task in config.task_configs}
        made = {
            name: tuple(current[task.key] for task in part)
            for name, part in given.items()
        }
        _take(config.sequences, {**config.sequences, **made})


def remove_sequences(section: Any, names: Any) -> None:
    """See `ScenarioConfig.remove_sequences`."""
    _leave_out("sequences", section, {names} if isinstance(names, str) else {*names})


def _leave_out(field: str, section: Any, names: set[str]) -> None:
    for config in _all(section):
        kept = getattr(config, field)
        _take(kept, {name: each for name, each in kept.items() if name not in names})


def _all(section: Any) -> Iterator[Any]:
    """Yield a section, and the current one of its id."""
    yield section
    home = HOMES.get(section)
    kept = None if home is None else home()
    current = section if kept is None else kept.current(section)

    if current is not section:
        yield current


def _take(kept: Any, wanted: Mapping[str, Any]) -> None:
    """Have a mapping of a section, and of those made of it, hold something else."""
    kept.clear()
    kept.update(wanted)


def _check(section: Any, field: str, problems: list[str], known: set[str]) -> None:
    remedy = f"give what it has: {', '.join(sorted(known))}"
    found = [
        Problem(section=section.label, field=field, message=message, remedy=remedy)
        for message in problems
    ]

    if found:
        raise ConfigError(found)
