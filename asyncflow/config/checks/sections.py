"""What can be wrong with the sections: pure functions from a registry to problems."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from asyncflow.alternatives import EXECUTORS, executor_of
from asyncflow.config.checks import (
    data_nodes,
    functions,
    graph,
    settings,
    task_limits,
)
from asyncflow.config.checks.names import MISNAMED, NOT_AVAILABLE, is_name, spelled
from asyncflow.config.checks.values import choice, flag
from asyncflow.config.converters import has_references
from asyncflow.config.registry import Registry
from asyncflow.config.sections import (
    CoreConfig,
    DataNodeConfig,
    JobConfig,
    ScenarioConfig,
    Scope,
    Section,
    TaskConfig,
    key_of,
)
from asyncflow.errors import Problem
from asyncflow.executors import DEFAULT
from asyncflow.worker.codec import dumps, dumps_code
from asyncflow.worker.errors import NotPicklable

S = TypeVar("S", bound=Section | JobConfig | CoreConfig)

ON_RESTART = ("rerun", "fail")


def problems(registry: Registry) -> Iterator[Problem]:
    """Yield everything that is wrong with the sections, in their order.

    What is to be found in the environment, and is not there, is as if not given: for that
    see `config.env`.
    """
    registry = _with_found(registry)
    yield from settings.job_problems(registry.job)
    yield from _properties("JOB", "JOB", registry.job.properties)
    yield from settings.core_problems(registry.core)
    yield from _properties("CORE", "CORE", registry.core.properties)

    for section in registry.sections:
        yield from _id(registry, section)
        yield from _values_of_nodes(section)
        yield from _properties(
            section.label, section.kind, section.properties, _further(section)
        )

    for node in registry.data_nodes.values():
        yield from _data_node(_found(node))

    for task in registry.tasks.values():
        yield from _task(registry, _found(task))

    yield from _unpicklable_functions(registry)
    yield from functions.problems(registry.scenarios.values())

    for scenario in registry.scenarios.values():
        yield from _scenario(registry, scenario)


def _with_found(registry: Registry) -> Registry:
    """Return a registry in which jobs are executed as the environment says."""
    if not has_references(registry.job) and not has_references(registry.core):
        return registry

    registry = registry.snapshot()
    registry.job, registry.core = _found(registry.job), _found(registry.core)
    return registry


def _found(section: S) -> S:
    """Return a section with what it refers to in the environment."""
    if not has_references(section):
        return section

    from asyncflow.config import env

    return env.as_far_as_found(section)


# ----------------------------------------------------------------------- any section


def not_registered(label: str, field: str, section: Section) -> Problem:
    """Make the problem of a section that this configuration does not have."""
    return Problem(
        section=label,
        field=field,
        message=f"{section.label} is not a section of this configuration",
        remedy="configure it on the Configuration that the Orchestrator is given",
    )


def _id(registry: Registry, section: Section) -> Iterator[Problem]:
    if not is_name(section.id) and is_name(plain := spelled(str(section.id))):
        yield Problem(
            section=section.label,
            field="id",
            message=f"Python writes the identifier {section.id!a} as {plain!a}, "
            "so no attribute could be found by this id",
            remedy=f"write {plain!r}, which looks the same",
        )
    elif not is_name(section.id):
        yield Problem(
            section=section.label,
            field="id",
            message=f"{section.id!r} is not a Python identifier that can be an id",
            remedy="use letters, digits and _, no keyword, and a letter at the start",
        )

    yield from _shared_id(registry, section)


def _shared_id(registry: Registry, section: Section) -> Iterator[Problem]:
    """Report an id at its second kind: data nodes come first, then tasks."""
    for earlier in (registry.data_nodes, registry.tasks):
        other = earlier.get(section.key)
        if other is section:
            return

        if other is not None:
            yield Problem(
                section=section.label,
                field="id",
                message=f"the id is also the one of {other.label}",
                remedy="choose another id for one of them",
            )


def _properties(
    label: str,
    kind: str,
    properties: Mapping[str, object],
    further: tuple[str, ...] = (),
) -> Iterator[Problem]:
    own: dict[str, object] = {}
    for name, value in properties.items():
        if name in NOT_AVAILABLE[kind]:
            yield Problem(
                section=label,
                field=name,
                message="the option is not available in this version",
                remedy="leave it out",
            )
        elif name in MISNAMED.get(kind, {}):
            yield Problem(
                section=label,
                field=name,
                message="this is the name in a TOML file, not the parameter's",
                remedy=f"call it {MISNAMED[kind][name]}",
            )
        else:
            own[name] = value

    if own:
        from asyncflow.config.checks import typos

        yield from typos.problems(label, kind, own, further)


def _values_of_nodes(section: Section) -> Iterator[Problem]:
    """Report properties that look like the values of data nodes."""
    if not section.properties or not isinstance(section, TaskConfig | ScenarioConfig):
        return

    nodes = (
        section.data_node_configs
        if isinstance(section, ScenarioConfig)
        else (*section.input, *section.output)
    )

    for name in {getattr(node, "id", None): None for node in nodes}:
        if name in section.properties:
            yield Problem(
                section=section.label,
                field=str(name),
                message=f"{name!r} is a data node, and a value here would do nothing",
                remedy="give its default_data, or write it once the scenario is made",
            )


def _further(section: Section) -> tuple[str, ...]:
    """Return the options that only some sections of its kind have."""
    if not section.properties or not isinstance(section, DataNodeConfig):
        return ()

    return section.option_names


# ------------------------------------------------------------------------ data nodes


def _data_node(node: DataNodeConfig) -> Iterator[Problem]:
    yield from data_nodes.storage(node)
    yield from _scope(node.label, node.scope)
    yield from _default(node)
    yield from data_nodes.problems(node)


def _scope(label: str, scope: object) -> Iterator[Problem]:
    if not isinstance(scope, Scope):
        yield Problem(
            section=label,
            field="scope",
            message=f"{scope!r} is not a Scope",
            remedy="give Scope.SCENARIO, Scope.CYCLE or Scope.GLOBAL",
        )


def _default(node: DataNodeConfig) -> Iterator[Problem]:
    try:
        dumps(node.default_data, name="default_data")
    except NotPicklable as error:
        yield Problem(
            section=node.label,
            field="default_data",
            message=f"{error.path} cannot be pickled ({error.why})",
            remedy="leave that part out, or make the value in a task",
        )


# ----------------------------------------------------------------------------- tasks


def _task(registry: Registry, task: TaskConfig) -> Iterator[Problem]:
    yield from _function(task.label, task.function)
    yield from flag(task.label, "skippable", task.skippable)
    yield from _executor(task)
    yield from choice(task.label, "on_restart", task.on_restart, ON_RESTART)
    yield from _async_elsewhere(task)
    yield from task_limits.problems(task)
    if task.needs != {}:
        from asyncflow.config.checks import resources

        yield from resources.needs(task, registry.job.resources)

    for field, nodes in (("input", task.input), ("output", task.output)):
        yield from _members(task.label, field, nodes, DataNodeConfig, registry)

    yield from _twice(task.label, "output", task.output)
    yield from _own_input(task)


def _function(label: str, function: object) -> Iterator[Problem]:
    if not callable(function):
        yield Problem(
            section=label,
            field="function",
            message=f"{function!r} cannot be called",
            remedy="give the function itself, without parentheses",
        )


def _executor(task: TaskConfig) -> Iterator[Problem]:
    executor: object = task.executor

    if not isinstance(executor, str) or not EXECUTORS.is_known(executor):
        yield from choice(task.label, "executor", executor, EXECUTORS.names())
    elif why := EXECUTORS.failure(executor):
        yield Problem(
            section=task.label,
            field="executor",
            message=f"the executor {executor!r} cannot be loaded ({why})",
            remedy="mend or update the package that it is from",
        )


def _async_elsewhere(task: TaskConfig) -> Iterator[Problem]:
    """Report an executor that was chosen for a function that does not run there."""
    if task.executor == DEFAULT or not task.is_async:
        return

    executor = EXECUTORS.find(task.executor)

    if executor is not None and executor.not_async:
        yield Problem(
            section=task.label,
            field="executor",
            message=executor.not_async,
            remedy="leave the executor out, or make the function a plain def",
        )


def _own_input(task: TaskConfig) -> Iterator[Problem]:
    read = {node.key for node in graph.sections(task.input)}
    for key in {node.key: None for node in graph.sections(task.output)}:
        if key in read:
            yield Problem(
                section=task.label,
                field="output",
                message=f"the task reads the data node {key!r} that it writes",
                remedy="write to another data node",
            )


def _unpicklable_functions(registry: Registry) -> Iterator[Problem]:
    """Try each function that will travel, once."""
    tried: dict[int, NotPicklable | None] = {}
    for task in registry.tasks.values():
        if not _travels(task, registry.job.mode):
            continue

        if id(task.function) not in tried:
            tried[id(task.function)] = _refusal(task.function)

        error = tried[id(task.function)]
        if error is not None:
            yield Problem(
                section=task.label,
                field="function",
                message=f"{error.path} cannot be pickled ({error.why})",
                remedy="make it inside the function, or use executor='thread'",
            )


def _travels(task: TaskConfig, mode: object) -> bool:
    executor = executor_of(task.executor, mode)
    return executor is not None and executor.in_processes and not task.is_async


def _refusal(function: Callable[..., object]) -> NotPicklable | None:
    try:
        dumps_code(function)
    except NotPicklable as error:
        return error

    return None


# ----------------------------------------------------------- what refers to sections


def _members(
    label: str,
    field: str,
    members: Iterable[object],
    kind: type[Section],
    registry: Registry,
) -> Iterator[Problem]:
    """Report what is no section of the kind, and what is another configuration's."""
    for member in members:
        if not isinstance(member, kind):
            yield Problem(
                section=label,
                field=field,
                message=f"{_shown(member)} is not a {kind.__name__}",
                remedy=f"give what Config.configure_{kind.kind.lower()} returned",
            )
        elif registry.find(member) is not member:
            yield not_registered(label, field, member)


def _shown(value: object) -> str:
    return value.label if isinstance(value, Section) else repr(value)


def _twice(label: str, field: str, members: Iterable[object]) -> Iterator[Problem]:
    keys = Counter(section.key for section in graph.sections(members))
    for key, count in keys.items():
        if count > 1:
            yield Problem(
                section=label,
                field=field,
                message=f"{key!r} is there {count} times",
                remedy="leave it there once",
            )


# ------------------------------------------------------------------------- scenarios


def _scenario(registry: Registry, scenario: ScenarioConfig) -> Iterator[Problem]:
    label = scenario.label
    tasks, nodes = scenario.task_configs, scenario.additional_data_node_configs
    yield from _members(label, "task_configs", tasks, TaskConfig, registry)
    yield from _members(
        label, "additional_data_node_configs", nodes, DataNodeConfig, registry
    )
    yield from _twice(label, "task_configs", tasks)
    yield from _two_writers(scenario)
    yield from _cycle(scenario)
    yield from _sequences(scenario, scenario.sequences)
    yield from _authorized_tags(scenario)


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
    for node, tasks in graph.writers(scenario.task_configs).items():
        if len(tasks) > 1:
            yield Problem(
                section=scenario.label,
                field="task_configs",
                message=f"{' and '.join(map(repr, tasks))} both write {node!r}",
                remedy="give each its own output",
            )


def _cycle(scenario: ScenarioConfig) -> Iterator[Problem]:
    path = graph.cycle(scenario.task_configs)
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
    elif name in graph.names(scenario):
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
                message=f"{key_of(name)}: {_shown(task)} is not a task of the scenario",
                remedy="add it to the scenario's tasks, or leave it out",
            )
