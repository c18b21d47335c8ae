"""What is found in the environment: ``ENV[NAME]``, ``ENV[NAME:default]``, ``ENV[NAME]:int``."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from asyncflow.config.converters import refers
from asyncflow.secret import Secret, names_secret

_TEXT = re.compile(
    r"(?s)ENV\[(?P<name>[A-Za-z_]\w*)(?::(?P<default>.*))?\](?::(?P<kind>\w+))?",
    re.ASCII,
)

FORM = "write ENV[NAME], ENV[NAME:default] or ENV[NAME]:int (float, bool, str)"


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
        super().__init__(f"{message}; {remedy}")
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


def found(value: Any) -> Any:
    """Return a value with what it refers to.

    :raises Unresolved: where that is not to be had
    """
    errors: list[tuple[str, Unresolved]] = []
    there = value_of("", value, errors)

    if errors:
        raise errors[0][1]

    return there


def value_of(name: object, value: Any, errors: list[tuple[str, Unresolved]]) -> Any:
    """Return a value with what it refers to; add what is not to be had to the errors."""
    if not refers(value):
        return value

    if isinstance(value, Mapping):
        return {key: value_of(key, part, errors) for key, part in value.items()}

    if not isinstance(value, str):
        return type(value)(value_of(name, part, errors) for part in value)

    try:
        return looked_up(value, name)
    except Unresolved as error:
        errors.append((value, error))
        return None
