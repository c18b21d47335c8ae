"""What can be wrong with a scenario: two writers of a data node, cycles, sequences."""

from __future__ import annotations

import graphlib
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, TypeAlias

from asyncflow.config.checks.names import is_name
from asyncflow.config.checks.references import (
    keys_of,
    members,
    sections_among,
    shown,
    twice,
)
from asyncflow.config.checks.values import one_of
from asyncflow.config.converters import refers, refusal, signature_of
from asyncflow.config.registry import Registry
from asyncflow.config.section import Section, key_of
from asyncflow.config.sections import (
    DataNodeConfig,
    ScenarioConfig,
    Scope,
    TaskConfig,
)
from asyncflow.errors import Problem

Vertex: TypeAlias = tuple[str, str]
"""The kind and the key of a section."""


def problems(registry: Registry, scenario: ScenarioConfig) -> Iterator[Problem]:
    """Yield what is wrong with a scenario, its id and properties aside."""
    label = scenario.label
    tasks, nodes = scenario.task_configs, scenario.additional_data_node_configs
    yield from members(label, "task_configs", tasks, TaskConfig, registry)
    yield from members(
        label, "additional_data_node_configs", nodes, DataNodeConfig, registry
    )
    yield from twice(label, "task_configs", tasks)
    yield from _two_writers(scenario)
    yield from _cycle(scenario)
    yield from _sequences(scenario, scenario.sequences)
    yield from _comparators(scenario, scenario.comparators)
    yield from _authorized_tags(scenario)
    yield from _frequency(scenario)


def _frequency(scenario: ScenarioConfig) -> Iterator[Problem]:
    if scenario.frequency is None:
        yield from _without_cycle(scenario)
        return

    from asyncflow.config.frequency import Frequency

    given = scenario.frequency
    is_one = callable(getattr(given, "period", None)) and not isinstance(given, type)

    # What the environment lacks is told already.
    if not is_one and given not in [*Frequency] and not refers(given):
        names = ", ".join(f"Frequency.{frequency}" for frequency in Frequency)
        yield Problem(
            section=scenario.label,
            field="frequency",
            message=f"{given!r} is no frequency",
            remedy=f"give {names}, a Calendar, or an object with period(instant)",
        )


def _without_cycle(scenario: ScenarioConfig) -> Iterator[Problem]:
    """Report data nodes that the scenarios of a cycle share, where there are none."""
    given: Iterable[object] = scenario.task_configs
    parts = (_nodes(config) for config in given if isinstance(config, TaskConfig))
    found: Iterator[object] = chain(scenario.additional_data_node_configs, *parts)
    of_cycle = Scope.CYCLE
    nodes = {
        node.key: None
        for node in found
        if isinstance(node, DataNodeConfig) and node.scope is of_cycle
    }

    if nodes:
        yield Problem(
            section=scenario.label,
            field="frequency",
            message=f"the scope of {', '.join(map(repr, nodes))} is CYCLE, and scenarios "
            "without a frequency have no cycle",
            remedy="give a frequency, or Scope.GLOBAL for one that all scenarios share",
        )


def _nodes(task: TaskConfig) -> tuple[DataNodeConfig, ...]:
    return (*task.input, *task.output)


def _authorized_tags(scenario: ScenarioConfig) -> Iterator[Problem]:
    tags: tuple[object, ...] = scenario.authorized_tags

    for tag in tags:
        if not isinstance(tag, str) or not tag:
            yield Problem(
                section=scenario.label,
                field="authorized_tags",
                message=f"{tag!r} is no tag",
                remedy="give texts, as in ['draft', 'final']",
            )


def _two_writers(scenario: ScenarioConfig) -> Iterator[Problem]:
    for node, tasks in writers(scenario.task_configs).items():
        if len(tasks) > 1:
            yield Problem(
                section=scenario.label,
                field="task_configs",
                message=f"{' and '.join(map(repr, tasks))} both write {node!r}",
                remedy="give each its own output",
            )


def _cycle(scenario: ScenarioConfig) -> Iterator[Problem]:
    path = cycle(scenario.task_configs)
    if path:
        yield Problem(
            section=scenario.label,
            field="task_configs",
            message=f"the tasks wait for each other: {' -> '.join(path)}",
            remedy="break the cycle with another data node",
        )


def _sequences(scenario: ScenarioConfig, sequences: Any) -> Iterator[Problem]:
    if not isinstance(sequences, Mapping):
        yield Problem(
            section=scenario.label,
            field="sequences",
            message=f"{sequences!r} does not map names to tasks",
            remedy="give a dict such as {'first_half': [task]}",
        )
        return

    for name, tasks in sequences.items():
        yield from _sequence_name(scenario, name)
        yield from _sequence_tasks(scenario, name, tasks)


def _sequence_name(scenario: ScenarioConfig, name: object) -> Iterator[Problem]:
    if not is_name(name):
        message = f"the name {name!r} is not a Python identifier that can be one"
    elif name in names(scenario):
        message = f"the name {name!r} is also the one of a task or data node"
    else:
        return

    yield Problem(
        section=scenario.label,
        field="sequences",
        message=message,
        remedy="choose another name",
    )


def _sequence_tasks(
    scenario: ScenarioConfig, name: object, tasks: Iterable[object]
) -> Iterator[Problem]:
    own = {id(task) for task in scenario.task_configs}
    for task in tasks:
        if id(task) not in own:
            yield Problem(
                section=scenario.label,
                field="sequences",
                message=f"{key_of(name)}: {shown(task)} is not a task of the scenario",
                remedy="add it to the scenario's tasks, or leave it out",
            )


def _comparators(scenario: ScenarioConfig, given: Any) -> Iterator[Problem]:
    if not isinstance(given, Mapping):
        yield _no_comparator(
            scenario, f"{given!r} does not map data nodes to functions"
        )
        return

    own = _node_names(scenario)

    for node, functions in given.items():
        if node not in own:
            known = one_of(str(node), sorted(own))
            what = f"{node!r} is no data node of the scenario: {known}"
            yield _no_comparator(scenario, what)

        for function in functions:
            if not callable(function):
                what = f"{key_of(node)}: {function!r} is no function"
                yield _no_comparator(scenario, what)
            elif not _takes_values(function):
                what = f"{key_of(node)}: {function!r:.100} does not take two values or more"
                yield _no_comparator(scenario, what)


def _takes_values(function: Callable[..., object]) -> bool:
    """Tell whether a function can be called with the values of several scenarios."""
    signature = signature_of(function)
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = signature.parameters.values() if signature else ()
    count = sum(one.kind in kinds for one in parameters)
    return refusal(signature, max(2, count)) is None


def _no_comparator(scenario: ScenarioConfig, message: str) -> Problem:
    return Problem(
        section=scenario.label,
        field="comparators",
        message=message,
        remedy="give a dict such as {'my_output': compare}, or {'my_output': [compare]}",
    )


def _node_names(scenario: ScenarioConfig) -> set[str]:
    return names(scenario) - {task.key for task in _tasks(scenario.task_configs)}


def names(scenario: ScenarioConfig) -> set[str]:
    """Return the ids of the tasks and data nodes of a scenario."""
    found = {*keys_of(scenario.additional_data_node_configs)}
    for task in _tasks(scenario.task_configs):
        found.update([task.key], keys_of(task.input), keys_of(task.output))

    return found


def writers(members: Iterable[object]) -> dict[str, list[str]]:
    """Return the ids of the tasks that write each data node, by its id."""
    found: dict[str, list[str]] = {}
    for task in _tasks(members):
        for key in dict.fromkeys(keys_of(task.output)):
            found.setdefault(key, []).append(task.key)

    return found


def cycle(members: Iterable[object]) -> list[str]:
    """Return the way around a cycle of tasks, from task to task, or an empty list.

    It starts and ends at the first task of the scenario that is on it. A task that
    reads what it writes is not a cycle here: that is the task's own problem.
    """
    tasks = _tasks(members)

    if _is_in_order(tasks):
        return []

    try:
        _sorter(tasks).prepare()
    except graphlib.CycleError as error:
        around: list[Vertex] = error.args[1][:-1]
    else:
        return []

    start = next(vertex for vertex in map(_vertex, tasks) if vertex in around)
    turn = around.index(start)
    return [key for _, key in (*around[turn:], *around[:turn], start)]


def _is_in_order(tasks: Iterable[TaskConfig]) -> bool:
    """Tell whether no task reads what a later one writes."""
    read: set[str] = set()

    for task in tasks:
        outputs = {*keys_of(task.output)}

        if not read.isdisjoint(outputs):
            return False

        read.update([key for key in keys_of(task.input) if key not in outputs])

    return True


def _tasks(members: Iterable[object]) -> list[TaskConfig]:
    """Return the tasks among the members, each once."""
    tasks = [member for member in members if isinstance(member, TaskConfig)]
    return [*dict(zip(keys_of(tasks), tasks, strict=True)).values()]


def _sorter(tasks: Iterable[TaskConfig]) -> graphlib.TopologicalSorter[Vertex]:
    sorter: graphlib.TopologicalSorter[Vertex] = graphlib.TopologicalSorter()
    for task in tasks:
        outputs = {_vertex(node) for node in sections_among(task.output)}
        inputs = (_vertex(node) for node in sections_among(task.input))
        sorter.add(_vertex(task), *(node for node in inputs if node not in outputs))
        for output in outputs:
            sorter.add(output, _vertex(task))

    return sorter


def _vertex(section: Section) -> Vertex:
    return (section.kind, section.key)
