"""Where values are kept, how many versions and how long: checks, and text in TOML."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping, Set
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeGuard, cast

import attrs

from asyncflow.abc import is_address
from asyncflow.alternatives import DRIVERS
from asyncflow.config.checks.values import choice, one_of
from asyncflow.config.converters import is_async, refers
from asyncflow.config.sections import NOT_GIVEN, DataNodeConfig, Scope
from asyncflow.errors import Problem

if TYPE_CHECKING:
    from asyncflow.abc import Driver

FIELDS = ("scenario_id", "name", "cycle", "date")
"""What a path may have of its scenario, in braces: ``reports/{name}/{date}.csv``."""

_FIELD = re.compile(r"\{([A-Za-z_]+)\}")

_BRACES = re.compile(r"\{(\w*)([:!][^{}]*)?\}")
"""The same with what `str.format` would take besides."""

_SHARED_PATH = "leave it out: all scenarios share the file"

_REFERENCE = re.compile(r"ENV\[\w+")

MAX_VERSIONS = 1_000_000


def storage(node: DataNodeConfig, lacks: Set[str] = frozenset()) -> Iterator[Problem]:
    """Yield what is wrong with the storage type of a data node, and with its options.

    :param lacks: the options that are given, and not to be found in the environment
    """
    name: object = node.storage_type

    if not isinstance(name, str) or not DRIVERS.is_known(name):
        yield from choice(node.label, "storage_type", name, DRIVERS.names())
    elif (driver := node.driver) is not None:
        yield from _default_data(node, driver)
        yield from _options(node, lacks)


def packages(node: DataNodeConfig) -> Iterator[Problem]:
    """Yield what is not installed here that a data node needs."""
    name: object = node.storage_type

    if (driver := node.driver) is not None:
        yield from _missing(node, driver)
    elif isinstance(name, str) and DRIVERS.failure(name):
        yield Problem(
            section=node.label,
            field="storage_type",
            message=f"the storage type {name!r} cannot be loaded "
            f"({DRIVERS.failure(name)})",
            remedy="mend or update the package that it is from",
        )


def _missing(node: DataNodeConfig, driver: type[Driver]) -> Iterator[Problem]:
    try:
        needs = node.driver_needs()
    except Exception:  # wrong options are told of themselves
        needs = dict.fromkeys(driver.requires, driver.extra)

    if not needs:
        return

    from importlib.util import find_spec

    if missing := [name for name in needs if find_spec(name) is None]:
        extras = sorted({extra for name in missing if (extra := needs[name])})
        others = [name for name in missing if not needs[name]]
        package = [f"'.[{','.join(extras)}]'"] if extras else []
        what = " ".join([*package, *others])
        yield Problem(
            section=node.label,
            field="storage_type",
            message=f"the storage type {node.storage_type!r} needs {', '.join(missing)}",
            remedy=f"pip install {what}",
            # Whoever only declares a server's place need not have what reaches it.
            level="ERROR" if extras else "WARNING",
        )


def _default_data(node: DataNodeConfig, driver: type[Driver]) -> Iterator[Problem]:
    if node.default_data is not NOT_GIVEN and not driver.takes_default_data:
        yield Problem(
            section=node.label,
            field="default_data",
            message=f"a {node.storage_type!r} data node has what is in its place",
            remedy="leave it out, and write the value with a task or by hand",
        )


def _options(node: DataNodeConfig, lacks: Set[str]) -> Iterator[Problem]:
    if (options_class := node.options_class) is None:
        return

    try:
        options_class(**node.options)
    except Exception as error:
        found = [
            _problem_of(node, field, why)
            for field in attrs.fields(options_class)
            if field.name not in lacks
            and (why := refusal(field, node.options)) is not None
        ]
        yield from found or ([] if lacks else [_problem_of(node, None, error)])


def refusal(
    field: attrs.Attribute[Any], options: Mapping[str, object]
) -> Exception | str | None:
    """Say what is wrong with one option; None where it is right."""
    if field.name not in options:
        return "it is needed" if field.default is attrs.NOTHING else None

    value, convert = options[field.name], cast("Any", field.converter)

    try:
        if callable(convert):
            value = convert(value)

        if field.validator is not None:
            field.validator(None, field, value)
    except Exception as error:
        return error

    return None


def _problem_of(
    node: DataNodeConfig, field: attrs.Attribute[Any] | None, why: Exception | str
) -> Problem:
    from asyncflow.secret import masked, secrets_in

    reason = why.args[0] if isinstance(why, Exception) and why.args else why
    message = str(reason) or repr(why)
    takes = f"the storage type {node.storage_type!r} takes "
    remedy = takes + ", ".join(node.option_names)

    if field is not None and (kinds := _kinds_of(why)):
        message = f"{node.options[field.name]!r:.100} is no {kinds}"
        or_none = ", or None" if field.default is None else ""
        remedy = f"give a value of type {kinds}{or_none}"
    elif field is not None and isinstance(choices := _choices_of(why), Collection):
        message = f"{node.options[field.name]!r:.100} is not known"
        remedy = one_of(node.options[field.name], choices)

    if field is not None:
        remedy = field.metadata.get("remedy", remedy)

    if found := {*secrets_in(node.options)}:
        message = masked(message, found)

    return Problem(
        section=node.label,
        field="storage_type" if field is None else field.name,
        message=message,
        remedy=remedy,
    )


def _kinds_of(why: Exception | str) -> str:
    """Return the types that attrs asks for, as users call them; ``""`` for none."""
    match why:
        case attrs.exceptions.NotCallableError():
            return "function"
        case TypeError(args=(_, attrs.Attribute(), kinds, _)):
            each = kinds if isinstance(kinds, tuple) else (kinds,)
            return " or ".join(kind.__name__ for kind in each)
        case _:
            return ""


def _choices_of(why: Exception | str) -> object:
    """Return the values that attrs asks for; None where it asks for nothing of the kind."""
    match why:
        case ValueError(args=(_, attrs.Attribute(), choices, _)):
            return choices
        case _:
            return None


def problems(node: DataNodeConfig) -> Iterator[Problem]:
    """Yield what is wrong with how values of a data node are kept."""
    yield from _path(node)
    yield from _address(node)
    yield from _validator(node)
    yield from _references(node)
    yield from _period(node)
    yield from _count(node)


def _path(node: DataNodeConfig) -> Iterator[Problem]:
    path: object = node.default_path
    if path is None:
        return

    if not _is_path(path):
        yield Problem(
            section=node.label,
            field="default_path",
            message=f"{path!r} is not a path",
            remedy="give a str or a pathlib.Path",
        )
    elif _is_homeless(path):
        yield Problem(
            section=node.label,
            field="default_path",
            message=f"the home folder of {path.partition('/')[0]!r} is not known",
            remedy=f"give the path in full, or {'./' + path!r} for such a name",
        )
    elif "{" in path:
        yield from _template(node, path)

    if (driver := node.driver) is None or not driver.takes_path:
        yield Problem(
            section=node.label,
            field="default_path",
            message=f"a {node.storage_type!r} data node has no file",
            remedy="leave it out, or use another storage type, such as 'pickle'",
        )
    elif _is_path(path):
        try:
            driver.reached_by(path)
        except ValueError as error:
            from asyncflow.secret import without_password

            yield Problem(
                section=node.label,
                field="default_path",
                message=f"nothing reaches {without_password(path)!r}: {error}",
                remedy="give a path, or an address such as 's3://bucket/sales.csv'",
            )


def _template(node: DataNodeConfig, path: str) -> Iterator[Problem]:
    allowed = {Scope.SCENARIO: FIELDS, Scope.CYCLE: ("cycle",)}.get(node.scope, ())

    for word, behind in _BRACES.findall(path):
        if word in allowed and not behind:
            continue

        names = ", ".join(f"{{{name}}}" for name in allowed)
        use = f"use one of {names}" if names else _SHARED_PATH
        what = "which is nothing of its scenario"
        yield Problem(
            section=node.label,
            field="default_path",
            message=f"{path!r} has {{{word}{behind}}} in it, "
            + ("and nothing stands behind the name" if word in allowed else what),
            remedy=f"write {{{word}}}" if word in allowed else use,
        )


def _address(node: DataNodeConfig) -> Iterator[Problem]:
    path: object = node.default_path

    if (
        isinstance(path, str)
        and ":/" in path
        and re.match(r"[A-Za-z][\w+.-]+:/[^/]", path)
    ):
        yield Problem(
            section=node.label,
            field="default_path",
            message=f"{path!r} is an address without one of its slashes",
            remedy="give the address as a text: a Path takes one away",
        )
    elif node.options.get("storage_options") and not (
        isinstance(path, str) and (is_address(path) or refers(path))
    ):
        yield Problem(
            section=node.label,
            field="storage_options",
            message="it is for addresses",
            remedy="leave it out, or give one as default_path, such as 's3://bucket/a'",
        )


def _is_homeless(path: str) -> bool:
    return path.startswith("~") and os.path.expanduser(path).startswith("~")


def _is_path(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and value != "" and "\0" not in value


def _references(node: DataNodeConfig) -> Iterator[Problem]:
    for name, value in {**node.options, "default_path": node.default_path}.items():
        if isinstance(value, str) and not refers(value) and _REFERENCE.search(value):
            yield Problem(
                section=node.label,
                field=name,
                message="ENV[...] in a longer text stands for nothing",
                remedy=f"give {name}='ENV[NAME]', and have all of it in that variable",
            )


def _validator(node: DataNodeConfig) -> Iterator[Problem]:
    found = node.validator

    if found is not None and is_async(found):
        yield Problem(
            section=node.label,
            field="validator",
            message=f"{found!r:.100} is a coroutine function, which nobody awaits here",
            remedy="give a plain function",
        )

    if found is None or callable(found) or callable(getattr(found, "validate", None)):
        return

    yield Problem(
        section=node.label,
        field="validator",
        message=f"{found!r:.100} is neither callable nor has it a method validate",
        remedy="give a function, or a schema such as pandera's (in TOML: 'module:name')",
    )


def _period(node: DataNodeConfig) -> Iterator[Problem]:
    period: object = node.validity_period
    if period is None:
        return

    if not isinstance(period, timedelta):
        yield Problem(
            section=node.label,
            field="validity_period",
            message=f"{period!r} is not a period",
            remedy="give a datetime.timedelta (in TOML: '1d2h3m4s'), or None",
        )
    elif period <= timedelta():
        yield Problem(
            section=node.label,
            field="validity_period",
            message=f"{period!r} is not more than nothing",
            remedy="give a longer one, or None for values that are valid for ever",
        )


def _count(node: DataNodeConfig) -> Iterator[Problem]:
    count: object = node.keep_versions
    if type(count) is not int or not 0 <= count <= MAX_VERSIONS:
        yield Problem(
            section=node.label,
            field="keep_versions",
            message=f"{count!r} is not an int from 0 to {MAX_VERSIONS}",
            remedy="give how many versions to keep beside the current one",
        )
    elif node.default_path is not None and count != 1:
        yield Problem(
            section=node.label,
            field="keep_versions",
            message="a file of your own has one version",
            remedy="leave it out, or leave default_path out",
        )


def words_in(path: str) -> Iterator[str]:
    """Yield the words in braces of a path, be they known or not."""
    yield from _FIELD.findall(path)


def fields_of(path: str) -> tuple[str, ...]:
    """Return what a path has of its scenario; nothing for most."""
    return tuple(name for name in words_in(path) if name in FIELDS)


def filled(path: str, facts: Mapping[str, str]) -> str:
    """Return a path with facts in the place of their names."""
    return _FIELD.sub(lambda found: facts.get(found[1], found[0]), path)
