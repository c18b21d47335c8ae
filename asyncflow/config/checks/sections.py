"""What can be wrong with the sections: pure functions from a registry to problems."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

from asyncflow.config.checks import (
    data_nodes,
    functions,
    scenarios,
    settings,
    tasks,
)
from asyncflow.config.checks.names import MISNAMED, NOT_AVAILABLE, is_name, spelled
from asyncflow.config.converters import has_references
from asyncflow.config.registry import Registry
from asyncflow.config.section import Section
from asyncflow.config.sections import (
    CoreConfig,
    DataNodeConfig,
    JobConfig,
    ScenarioConfig,
    Scope,
    TaskConfig,
)
from asyncflow.errors import Problem
from asyncflow.worker.codec import dumps
from asyncflow.worker.errors import NotPicklable

S = TypeVar("S", bound=Section | JobConfig | CoreConfig)


def problems(registry: Registry, *, installs: bool = True) -> Iterator[Problem]:
    """Yield everything that is wrong with the sections, in their order.

    What is to be found in the environment, and is not there, is as if not given: for that
    see `config.env`.

    :param installs: whether a package that is not installed here is a problem
    """
    registry = _with_found(registry)
    yield from settings.job_problems(registry.job)
    yield from of_properties("JOB", "JOB", registry.job.properties)
    yield from settings.core_problems(registry.core)
    yield from of_properties("CORE", "CORE", registry.core.properties)

    for section in registry.sections:
        yield from _id(registry, section)
        yield from _values_of_nodes(section)
        yield from of_properties(
            section.label, section.kind, section.properties, _further(section)
        )

    for node in registry.data_nodes.values():
        yield from _data_node(found := _found(node))

        if installs:
            yield from data_nodes.packages(found)

    for task in registry.tasks.values():
        yield from tasks.problems(registry, _found(task))

    yield from tasks.unpicklable(registry)
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


# ----------------------------------------------------------------------- any section


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


# ----------------------------------------------------------- what refers to sections


# ------------------------------------------------------------------------- scenarios
