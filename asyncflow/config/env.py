"""Values that are found in the environment: ``ENV[NAME]``, ``ENV[NAME:default]:int``.

A section keeps the text, as do its exports: it is looked up where the value is used.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import attrs

from asyncflow.config.converters import has_references, refers
from asyncflow.config.registry import Registry
from asyncflow.config.sections import (
    CoreConfig,
    DataNodeConfig,
    JobConfig,
    Section,
    names_of,
)
from asyncflow.errors import ConfigError, Problem
from asyncflow.secret import Secret, names_secret

S = TypeVar("S", bound=Section | JobConfig | CoreConfig)

_TEXT = re.compile(
    r"(?s)ENV\[(?P<name>[A-Za-z_]\w*)(?::(?P<default>.*))?\](?::(?P<kind>\w+))?",
    re.ASCII,
)

FORM = "write ENV[NAME], ENV[NAME:default] or ENV[NAME]:int (float, bool, str)"

NOT_LOOKED_UP = frozenset({"default_data", "function", "input", "output", "id"})
"""Fields that hold values or sections: a text of theirs is itself."""


def _flag(text: str) -> bool:
    return {"true": True, "false": False}[text.strip().lower()]


KINDS: Mapping[str, Callable[[str], object]] = {
    "int": int,
    "float": float,
    "bool": _flag,
    "str": str,
}
"""What a text of the environment may be taken for."""


class Unresolved(Exception):
    """A value is not to be had: what is wrong, and what to do."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


def looked_up(text: str, name: object = None) -> object:
    """Return what a text means that says ``ENV[...]``.

    Texts are `Secret`: they are shown as what was written in the configuration.

    :param name: of what it is the value
    :raises Unresolved: where it is not there, or not of its kind
    """
    found = _TEXT.fullmatch(text)

    if found is None:
        shown = "***" if names_secret(name) else text
        raise Unresolved(f"{shown!r} is no value of the environment", FORM)

    variable, default, kind = found["name"], found["default"], found["kind"]

    if kind is not None and kind not in KINDS:
        raise Unresolved(f"{variable} is to be a {kind!r}, which is no kind", FORM)

    value = os.environ.get(variable, default)

    if value is None:
        raise Unresolved(
            f"the environment variable {variable} is not set",
            f"set it, or write ENV[{variable}:default]",
        )

    if kind in (None, "str"):
        return Secret(value, f"ENV[{variable}]")

    try:
        return KINDS[kind](value)
    except (ValueError, KeyError):
        raise Unresolved(
            f"the environment variable {variable} is no {kind}",
            f"set it to {'true or false' if kind == 'bool' else f'a text of {kind}'}",
        ) from None


def resolved(section: S) -> S:
    """Return a section with what it refers to; itself where it refers to nothing.

    :raises ConfigError: what is not to be had, all of it
    """
    found, problems = _resolved(section)

    if problems:
        raise ConfigError([problem for _, problem in problems])

    return found


def as_far_as_found(section: S) -> S:
    """Return a section with what it refers to, and without that which is not there."""
    return _resolved(section)[0]


def problems(registry: Registry) -> Iterator[Problem]:
    """Yield what is not to be had of that which the sections refer to."""
    sections: tuple[Section | JobConfig | CoreConfig, ...]
    sections = registry.job, registry.core, *registry.sections

    for section in sections:
        if not has_references(section):
            continue

        for text, problem in _resolved(section)[1]:
            name = problem.section, problem.field, text
            file, line = registry.references.get(name, (None, None))
            yield attrs.evolve(problem, file=file, line=line)


def settled(registry: Registry) -> Registry:
    """Return a registry with what its data nodes and tasks refer to, and nothing missing.

    :raises ConfigError: all that is missing
    """
    missing = [*problems(registry)]

    if missing:
        raise ConfigError(missing)

    copy = registry.snapshot()

    for section in (*registry.data_nodes.values(), *registry.tasks.values()):
        if has_references(section):
            copy.place(resolved(section))

    copy.point()
    return copy


def _fields(section: Section | JobConfig | CoreConfig) -> dict[str, Any]:
    names = (name for name in names_of(type(section)) if name not in NOT_LOOKED_UP)
    options = section.options if isinstance(section, DataNodeConfig) else {}
    return {**{name: getattr(section, name) for name in names}, **options}


def _resolved(section: S) -> tuple[S, list[tuple[str, Problem]]]:
    """Return a section with what is found, and what is wrong with the rest, by its text.

    What is not found is as if it were not given.
    """
    missing: list[tuple[str, Problem]] = []
    found: dict[str, Any] = {}
    section = _of_known_type(section)

    for name, value in _fields(section).items():
        if not refers(value):
            continue

        errors: list[tuple[str, Unresolved]] = []
        found[name] = _value(name, value, errors)

        if errors:
            found[name] = attrs.NOTHING

        missing += [(text, _problem(section, name, one)) for text, one in errors]

    if not found:
        return section, missing

    own = attrs.fields_dict(type(section))
    changes: dict[str, Any] = {
        name: _default(own[name]) if value is attrs.NOTHING else _plain(value)
        for name, value in found.items()
        if name in own
    }

    if not isinstance(section, DataNodeConfig):
        return attrs.evolve(section, **changes), missing

    changes["options"] = {
        name: value
        for name, value in {**section.options, **found}.items()
        if name in section.options and value is not attrs.NOTHING
    }
    return attrs.evolve(section, **changes).sorted_out(), missing


def _of_known_type(section: S) -> S:
    """Return a data node of which the storage type, and so its options, are known."""
    if not isinstance(section, DataNodeConfig) or not refers(section.storage_type):
        return section

    storage_type = _value("storage_type", section.storage_type, [])

    if storage_type is None:
        return section

    return attrs.evolve(section, storage_type=_plain(storage_type)).sorted_out()


def _value(name: object, value: Any, errors: list[tuple[str, Unresolved]]) -> Any:
    """Return a value with what it refers to; add what is not to be had to the errors."""
    if not refers(value):
        return value

    if isinstance(value, Mapping):
        return {key: _value(key, one, errors) for key, one in value.items()}

    if not isinstance(value, str):
        return type(value)(_value(name, one, errors) for one in value)

    try:
        return looked_up(value, name)
    except Unresolved as error:
        errors.append((value, error))
        return None


def _plain(value: Any) -> Any:
    """Return the value of a field of ours, which is no secret."""
    return str(value) if isinstance(value, Secret) else value


def _default(field: attrs.Attribute[Any]) -> object:
    factory = getattr(field.default, "factory", None)
    return field.default if factory is None else factory()


def _problem(
    section: Section | JobConfig | CoreConfig, field: str, error: Unresolved
) -> Problem:
    label = section.label if isinstance(section, Section) else _KINDS[type(section)]
    return Problem(
        section=label, field=field, message=error.message, remedy=error.remedy
    )


_KINDS: Mapping[type[Any], str] = {JobConfig: "JOB", CoreConfig: "CORE"}
