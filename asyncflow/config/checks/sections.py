"""What can be wrong with the sections: pure functions from a registry to problems."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from functools import lru_cache, partial
from operator import attrgetter
from typing import Any, Generic, TypeVar

import attrs

from asyncflow.config.checks import (
    data_nodes,
    functions,
    scenarios,
    settings,
    tasks,
)
from asyncflow.config.checks.names import MISNAMED, is_name, spelled
from asyncflow.config.registry import Registry
from asyncflow.config.section import Section, has_references
from asyncflow.config.sections import (
    CoreConfig,
    DataNodeConfig,
    JobConfig,
    ScenarioConfig,
    Scope,
    TaskConfig,
)
from asyncflow.errors import ConfigError, Problem
from asyncflow.log import logger as _logger
from asyncflow.worker.codec import dumps
from asyncflow.worker.errors import NotPicklable

S = TypeVar("S", bound=Section | JobConfig | CoreConfig)

K = TypeVar("K", bound=Section)

NO_KIND = frozenset({"id", "properties"})
NODES = frozenset({"input", "output"})
"""The fields that are looked at for each section."""


def problems(
    registry: Registry, *, refer: bool = True, installs: bool = True
) -> Iterator[Problem]:
    """Yield everything that is wrong with the sections, in their order.

    What is to be found in the environment, and is not there, is as if not given: for that
    see `config.env`.

    :param refer: whether any of them may refer to it
    :param installs: whether a package that is not installed here is a problem
    """
    nodes, all_tasks = registry.data_nodes.values(), registry.tasks.values()

    if refer:
        registry = _with_found(registry)

    yield from settings.job_problems(registry.job)
    yield from of_properties("JOB", "JOB", registry.job.properties)
    yield from settings.core_problems(registry.core)
    yield from of_properties("CORE", "CORE", registry.core.properties)

    twice = _shared_keys(registry)

    for section in registry.sections:
        if not is_name(section.id) or section.id in twice:
            yield from _id(registry, section)

        if section.properties:
            yield from _values_of_nodes(section)
            yield from of_properties(
                section.label, section.kind, section.properties, _further(section)
            )

    of_node = partial(_data_node, installs=installs)
    node_kinds = Kinds(DataNodeConfig, NO_KIND)

    for node in nodes:
        if (found := _found(node) if refer else node) is node:
            if not node_kinds.has_right(node):
                yield from node_kinds.problems(node, of_node)
        else:
            lacks = node.options.keys() - found.options.keys()
            yield from node_kinds.problems(found, partial(of_node, lacks=lacks))

    of_task = partial(tasks.problems, registry)
    task_kinds = Kinds(TaskConfig, NO_KIND | NODES)

    for task in map(_found, all_tasks) if refer else all_tasks:
        if not task_kinds.has_right(task):
            yield from task_kinds.problems(task, of_task)

        if not tasks.has_plain_nodes(registry, task):
            yield from tasks.problems_of_nodes(registry, task)

    yield from tasks.unpicklable(registry)
    yield from tasks.unpicklable_options(registry)
    yield from functions.problems(registry.scenarios.values())

    for scenario in registry.scenarios.values():
        yield from scenarios.problems(registry, scenario)


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


# ----------------------------------------------------------------- kinds of sections


class Kinds(Generic[K]):
    """Checks one section of each kind: a scenario may have thousands of each.

    :param section: their class
    :param apart: the fields that make no kind
    """

    def __init__(self, section: type[K], apart: frozenset[str]) -> None:
        names = [field.name for field in attrs.fields(section)]
        self._parts = attrgetter(*(name for name in names if name not in apart))
        self._right: dict[tuple[int, ...], tuple[Any, ...]] = {}
        """The kinds that are right, and what has their identities."""

    def has_right(self, section: K) -> bool:
        """Tell whether one of a section's kind is right."""
        return self._kind(self._parts(section)) in self._right

    def _kind(self, parts: tuple[Any, ...]) -> tuple[int, ...]:
        return tuple(
            [0 if type(part) is dict and not part else id(part) for part in parts]
        )

    def problems(
        self, section: K, check: Callable[[K], Iterator[Problem]]
    ) -> Iterator[Problem]:
        """Yield what is wrong with a section, unless one of its kind is right.

        :param check: says what is wrong with it, its label and the fields `apart` aside
        """
        parts = self._parts(section)
        kind = self._kind(parts)

        if kind in self._right:
            return

        is_right = True

        for problem in check(section):
            is_right = False
            yield problem

        if is_right:
            self._right[kind] = parts


# ----------------------------------------------------------------------- any section


def _id(registry: Registry, section: Section) -> Iterator[Problem]:
    given: object = section.id

    if is_name(given):
        pass
    elif isinstance(given, str) and is_name(plain := spelled(given)):
        yield Problem(
            section=section.label,
            field="id",
            message=f"Python writes the identifier {section.id!a} as {plain!a}, "
            "so no attribute could be found by this id",
            remedy=f"write {plain!r}, which looks the same",
        )
    else:
        yield Problem(
            section=section.label,
            field="id",
            message=f"{section.id!r} is not a Python identifier that can be an id",
            remedy="use letters, digits and _, no keyword, and a letter at the start",
        )

    yield from _shared_id(registry, section)


def _shared_keys(registry: Registry) -> Set[str]:
    """Return the keys that sections of two kinds have: mostly there are none."""
    nodes, tasks, scenarios = registry.data_nodes, registry.tasks, registry.scenarios
    return (nodes.keys() & tasks.keys()) | (
        scenarios.keys() & (nodes.keys() | tasks.keys() if scenarios else ())
    )


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


def of_properties(
    label: str,
    kind: str,
    properties: Mapping[str, object],
    further: tuple[str, ...] = (),
) -> Iterator[Problem]:
    """Yield what is wrong with the names of a section's properties.

    :param further: options that not all sections of this kind have
    """
    own: dict[str, object] = {}
    for name, value in properties.items():
        if name in MISNAMED.get(kind, {}):
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
    if not isinstance(section, TaskConfig | ScenarioConfig):
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
    return section.option_names if isinstance(section, DataNodeConfig) else ()


# ------------------------------------------------------------------------ data nodes


def _data_node(
    node: DataNodeConfig, *, installs: bool, lacks: Set[str] = frozenset()
) -> Iterator[Problem]:
    yield from data_nodes.storage(node, lacks)
    yield from _scope(node.label, node.scope)
    yield from _default(node)
    yield from data_nodes.problems(node)

    if installs:
        yield from data_nodes.packages(node)


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


def refuse(problems: Sequence[Problem]) -> None:
    """Refuse a configuration that has errors; of what is none a warning is logged, once.

    :raises ConfigError: with all that was found
    """
    if any(problem.level == "ERROR" for problem in problems):
        raise ConfigError(problems)

    for problem in problems:
        _tell(str(problem))


@lru_cache(1024)
def _tell(text: str) -> None:
    _logger.warning("%s", text)
