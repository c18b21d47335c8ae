"""Files over that which is declared: those of `Configuration.override`, then the one that
an environment variable names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from asyncflow.config.registry import Place, Registry
from asyncflow.config.section import as_given, names_of, same_value
from asyncflow.config.sections import DataNodeConfig
from asyncflow.config.toml.source import Source, source
from asyncflow.errors import ConfigError, Problem
from asyncflow.facts import Facts


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Origin(Facts):
    """Where a value of a configuration comes from."""

    layer: str
    """``default``, ``code``, ``load``, ``override`` or ``environment``."""

    file: str | None = None
    """The TOML file, or None."""

    line: int | None = None
    """The line in that file, from 1, or None."""

    def __str__(self) -> str:
        return (
            f"{self.layer} ({self.file}:{self.line or 1})" if self.file else self.layer
        )


@attrs.define(eq=False)
class Layers:
    """The files over one configuration; each is parsed once."""

    overrides: list[Source] = attrs.field(init=False, factory=list[Source])
    _named: Source | None = attrs.field(init=False, default=None)
    """The one that the environment names."""

    def over(
        self, registry: Registry, named: tuple[str, str] | None
    ) -> tuple[Registry, tuple[Problem, ...]]:
        """Return a registry with all files over it, and what is wrong with them.

        :param named: the environment variable that names a file, and that
        """
        problems: list[Problem] = []
        layers = [*self.overrides, *self._environment(named, problems)]
        draft = registry.snapshot() if layers else registry

        for layer in layers:
            problems += layer.over(draft)

        return draft, tuple(problems)

    def _environment(
        self, named: tuple[str, str] | None, problems: list[Problem]
    ) -> Sequence[Source]:
        if named is None:
            return ()

        variable, path = named

        if self._named is not None and self._named.file == path:
            return (self._named,)

        try:
            self._named = source(path, "environment")
        except ConfigError as error:
            remedy = f"mend it, or set {variable} to another file"
            problems += [
                attrs.evolve(
                    problem,
                    message=f"{problem.message} (the environment variable {variable} "
                    "names it)",
                    remedy=remedy,
                )
                for problem in error.problems
            ]
        except OSError as error:
            problems.append(
                Problem(
                    section="TOML",
                    field="",
                    message=f"the file that the environment variable {variable} names "
                    f"cannot be read: {error.strerror or error}",
                    remedy=f"set {variable} to another file",
                    file=path,
                )
            )
        else:
            return (self._named,)

        return ()


def placed(
    problems: Sequence[Problem], origins: Mapping[str, Mapping[str, Place]]
) -> Iterator[Problem]:
    """Yield problems with file and line, where these are what a file says."""
    for problem in problems:
        places = origins.get(problem.section, {})
        place = places.get(problem.field) or places.get("")

        if place is None or problem.file is not None:
            yield problem
        else:
            yield attrs.evolve(problem, file=place[1], line=place[2])


def origins_of(registry: Registry) -> dict[str, Origin]:
    """Return where each value comes from: ``TASK.double.skippable``."""
    found: dict[str, Origin] = {}

    for label, section in _labelled(registry):
        places = registry.origins.get(label, {})

        for name, is_default in _fields(section):
            found[f"{label}.{name}"] = _origin(places.get(name), is_default)

    places = registry.origins.get("APP", {})
    return found | {
        f"APP.{key}": _origin(places.get(key), False) for key in registry.app
    }


def _labelled(registry: Registry) -> Iterator[tuple[str, Any]]:
    yield "JOB", registry.job
    yield "CORE", registry.core

    for section in registry.sections:
        yield section.label, section


def _fields(section: Any) -> Iterator[tuple[str, bool]]:
    """Yield what a section has, by name, and whether that is so by default."""
    fields = attrs.fields_dict(type(section))

    for name in names_of(type(section)):
        default: Any = fields[name].default
        default = default.factory() if hasattr(default, "factory") else default
        yield name, same_value(as_given(section, name), default)

    further = section.options if isinstance(section, DataNodeConfig) else {}

    for name in (*further, *section.properties):
        yield name, False


def _origin(place: Place | None, is_default: bool) -> Origin:
    if place is None:
        return Origin(layer="default" if is_default else "code")

    layer, file, line = place
    return Origin(layer=layer, file=file, line=line)
