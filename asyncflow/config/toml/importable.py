"""Functions by name: ``module:qualname``."""

from __future__ import annotations

import importlib
import sys

from asyncflow.config.section import same_value
from asyncflow.config.sections import TaskConfig


class NotImportable(Exception):
    """A function has no name it can be imported by, or a name no function."""


def name_of(function: object) -> str:
    """Return the name by which a function can be imported.

    :raises NotImportable: there is none; the message says why.
    """
    module = getattr(function, "__module__", None)
    qualname = getattr(function, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(qualname, str):
        raise NotImportable(f"a {type(function).__qualname__} has no name")

    name = f"{module}:{qualname}"
    if not same_value(find(name), function):
        raise NotImportable(f"{name} is something else")

    return name


def find(name: str) -> object:
    """Import what a name says.

    :raises NotImportable: it cannot be imported; the message says why.
    """
    module, colon, qualname = name.partition(":")
    if not (module and colon and qualname):
        raise NotImportable(f"{name!r} is not of the form 'module:function'")

    if "<" in qualname:
        raise NotImportable(
            f"{name} is made while its module runs, it has no name there"
        )

    found = _module(module)
    for part in qualname.split("."):
        if not hasattr(found, part):
            raise NotImportable(f"{module!r} has no {qualname!r}")

        found = getattr(found, part)

    return found.function if isinstance(found, TaskConfig) else found


def _module(name: str) -> object:
    if name in sys.modules:
        return sys.modules[name]

    try:
        return importlib.import_module(name)
    except Exception as error:  # a module may raise anything while it is imported
        why = f"{type(error).__name__}: {error}"
        raise NotImportable(f"{name!r} cannot be imported ({why})") from error
