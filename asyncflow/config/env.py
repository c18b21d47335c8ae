"""Sections that refer to the environment; see `config.lookup`.

A section keeps the text, as do its exports: it is looked up where the value is used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import attrs

from asyncflow.config.attributes import converted
from asyncflow.config.converters import refers
from asyncflow.config.lookup import Unresolved, value_of
from asyncflow.config.registry import Registry
from asyncflow.config.section import (
    NOT_LOOKED_UP,
    Section,
    as_given,
    evolved,
    has_references,
    names_of,
)
from asyncflow.config.sections import CoreConfig, DataNodeConfig, JobConfig
from asyncflow.errors import ConfigError, Problem
from asyncflow.secret import revealed

S = TypeVar("S", bound=Section | JobConfig | CoreConfig)


def resolved(section: S) -> S:
    """Return a section with what it refers to; itself where it refers to nothing.

    :raises ConfigError: what is not to be had, all of it
    """
    found, problems = _resolved(section)

    if problems:
        raise ConfigError(problems)

    return found


def as_far_as_found(section: S) -> S:
    """Return a section with what it refers to, and without that which is not there."""
    return _resolved(section)[0]


def problems(registry: Registry) -> Iterator[Problem]:
    """Yield what is not to be had of that which the sections refer to."""
    sections: tuple[Section | JobConfig | CoreConfig, ...]
    sections = registry.job, registry.core, *registry.sections

    for section in sections:
        if has_references(section):
            yield from _resolved(section)[1]

        yield from _of_properties(_label(section), _of_known_type(section).properties)

    yield from _of_properties("APP", registry.app)


def _of_properties(label: str, properties: Mapping[str, object]) -> Iterator[Problem]:
    for name, value in properties.items():
        errors: list[tuple[str, Unresolved]] = []
        value_of(name, value, errors)

        for _, error in errors:
            yield _problem(label, name, error)


def settled(registry: Registry) -> Registry:
    """Return a registry with what its sections refer to, and nothing missing.

    :raises ConfigError: all that is missing
    """
    missing = [*problems(registry)]

    if missing:
        raise ConfigError(missing)

    copy = registry.snapshot()

    for section in registry.sections:
        if has_references(section):
            copy.place(resolved(section))

    copy.point()
    return copy


def _fields(section: Section | JobConfig | CoreConfig) -> dict[str, Any]:
    names = (name for name in names_of(type(section)) if name not in NOT_LOOKED_UP)
    options = section.options if isinstance(section, DataNodeConfig) else {}
    return {**{name: as_given(section, name) for name in names}, **options}


def _resolved(section: S) -> tuple[S, list[Problem]]:
    """Return a section with what is found, and what is wrong with the rest.

    What is not found is as if it were not given.
    """
    missing: list[Problem] = []
    found: dict[str, Any] = {}
    section = _of_known_type(section)

    for name, value in _fields(section).items():
        if not refers(value):
            continue

        errors: list[tuple[str, Unresolved]] = []
        found[name] = value_of(name, value, errors)

        if errors:
            found[name] = attrs.NOTHING

        missing += [_problem(_label(section), name, error) for _, error in errors]

    if not found:
        return section, missing

    own = attrs.fields_dict(type(section))
    changes: dict[str, Any] = {
        name: _default(own[name])
        if value is attrs.NOTHING
        else converted(type(section), name, value)
        for name, value in found.items()
        if name in own
    }

    if not isinstance(section, DataNodeConfig):
        return evolved(section, **changes), missing

    changes["options"] = {
        name: value
        for name, value in {**section.options, **found}.items()
        if name in section.options and value is not attrs.NOTHING
    }
    return evolved(section, **changes).sorted_out(), missing


def _of_known_type(section: S) -> S:
    """Return a data node of which the storage type, and so its options, are known."""
    if not isinstance(section, DataNodeConfig) or not refers(
        as_given(section, "storage_type")
    ):
        return section

    storage_type = value_of("storage_type", as_given(section, "storage_type"), [])

    if storage_type is None:
        return section

    return evolved(section, storage_type=revealed(storage_type)).sorted_out()


def _default(field: attrs.Attribute[Any]) -> object:
    factory = getattr(field.default, "factory", None)
    return field.default if factory is None else factory()


def _label(section: Section | JobConfig | CoreConfig) -> str:
    return section.label if isinstance(section, Section) else _KINDS[type(section)]


def _problem(label: str, field: str, error: Unresolved) -> Problem:
    return Problem(
        section=label, field=field, message=error.message, remedy=error.remedy
    )


_KINDS: Mapping[type[Any], str] = {JobConfig: "JOB", CoreConfig: "CORE"}
