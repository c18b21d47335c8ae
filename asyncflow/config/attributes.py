"""Attributes of sections beside their fields: options and properties, by their names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

from asyncflow.config.checks.values import meant
from asyncflow.config.converters import as_place
from asyncflow.config.lookup import Unresolved
from asyncflow.config.lookup import found as looked_up
from asyncflow.config.periods import from_text
from asyncflow.errors import ConfigError, Problem
from asyncflow.secret import Secret


def found(section: Any, name: str, own: Mapping[str, Any]) -> object:
    """Return an option or a property of a section, as the environment has it now.

    :param own: by its fields, the texts that refer to the environment
    :raises AttributeError: there is none of this name
    :raises ConfigError: the environment lacks what it refers to
    """
    is_node = hasattr(type(section), "option_names")
    options: Any = section.options if is_node else {}

    if name in own:
        return _as_found(section, name, own[name])

    for given in (options, section.properties):
        if name in given:
            return _looked_up(section, name, given[name])

    if is_node and name in section.option_names:
        return getattr(section.driver_options(), name)

    raise AttributeError(unknown(section, name, (*options, *section.properties)))


_INSTANCES: Mapping[str, tuple[str, str]] = {
    "SCENARIO": (
        "create a scenario of it: `await orchestrator.create_scenario(config)`",
        (
            "add_tag compare creation_date cycle delete duplicate execute export is_primary "
            "jobs read run set_primary status submissions submit subscribe tags update wait "
            "write"
        ),
    ),
    "TASK": (
        "a scenario has the task: `await scenario.{id}.submit()`",
        "execute run status submit wait",
    ),
    "DATA_NODE": (
        "a scenario has the data node: `await scenario.{id}.read()`, or `.write(value)`",
        (
            "append edits filter get last_edit_date load lock_edit read save set upload value "
            "write"
        ),
    ),
}
"""What is done where a config is taken for what is created of it, and the names that tell
that, by the kind of the section."""

_OF_ORCHESTRATORS = frozenset(
    {"cancel", "compare", "create_global_data_node", "create_scenario", "delete"}
    | {"drain", "get", "get_scenario", "open", "run", "start", "submit"}
)


def unknown(owner: Any, name: str, further: Iterable[str] = ()) -> str:
    """Say that a section, or a configuration, has no attribute of a name, and what was
    meant.

    :param further: attributes that it has besides those of its class
    """
    kind = type(owner).__name__
    what = f"a {kind} has no attribute {name!r}"

    if name.startswith("_"):
        return what

    hint = of_instance(owner, name) or meant(name, (*dir(type(owner)), *further))
    return f"{what}: {hint.strip()}" if hint else what


def of_instance(owner: Any, name: str) -> str:
    """Return how something is done with what is created of a section; ``""`` for nothing."""
    if (kind := getattr(type(owner), "kind", None)) is None:
        is_verb = name in _OF_ORCHESTRATORS and hasattr(owner, "scenarios")
        verb = "`async with Orchestrator(config) as orchestrator:` opens what has it"
        return verb if is_verb else ""

    remedy, names = _INSTANCES[kind]
    nodes = owner.data_node_configs if kind == "SCENARIO" else ()
    is_known = name in names.split() or any(node.id == name for node in nodes)
    return remedy.format(id=owner.id) if is_known else ""


def converted(kind: Any, name: str, value: Any) -> Any:
    """Return what a text of the environment says as the value of a field of ours: as a
    file would say it. No such field is a secret, but for the password of an address.

    :param kind: the class of the section
    """
    if isinstance(value, Secret):
        value = as_place(str(value))

    if not isinstance(value, str):
        return value

    default = next(
        field.default for field in kind.__attrs_attrs__ if field.name == name
    )

    if isinstance(default, Enum) and value in type(default).__members__:
        return type(default)[value]

    if name == "validity_period":
        period = from_text(value)
        return value if period is None else period

    return value


def _as_found(section: Any, name: str, value: Any) -> Any:
    """Return what a field of ours refers to; the text itself where that is not there."""
    try:
        return converted(type(section), name, looked_up(value))
    except Unresolved:
        return value


def _looked_up(section: Any, name: str, value: object) -> object:
    try:
        return looked_up(value)
    except Unresolved as error:
        named = hasattr(type(section), "label")
        label = section.label if named else type(section).__name__
        problem = Problem(
            section=label,
            field=name,
            message=error.message,
            remedy=error.remedy,
        )
        raise ConfigError([problem]) from None


_CONFIGURED = {
    "AppConfig": "configure_global_app",
    "CoreConfig": "configure_core",
    "JobConfig": "configure_job_executions",
}
"""The methods that declare sections without ids."""


def fixed(section: Any, name: str) -> str:
    """Say that an attribute of a section cannot be set, and what declares it."""
    kind = type(section).__name__
    method = _CONFIGURED.get(kind)

    if method is None:
        method, first = f"configure_{section.kind.lower()}", f"{section.id!r}, ..., "
    else:
        first = ""

    verb = f"`Config.{method}({first}{name}=...)`"
    article = "an" if kind[0] in "AEIOU" else "a"
    return f"{name!r} of {article} {kind} cannot be set: {verb} declares it anew"
