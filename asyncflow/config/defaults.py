"""What is set for all sections of a kind: `Configuration.set_default_task_configuration`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

C = TypeVar("C", bound=type[Any])

OF_ANY_STORAGE = frozenset({"scope", "validity_period"})
"""What data nodes are given also where theirs is another storage type."""

_STORAGE, _PLAIN = "storage_type", "pickle"


def takes_defaults(cls: C) -> C:
    """Have the verbs of a class that declare sections take what was set for all."""
    for name in dir(cls):
        if name.startswith("configure_") and name.endswith("_data_node"):
            storage = name.removeprefix("configure_").removesuffix("data_node")
            verb = getattr(cls, name)
            setattr(cls, name, _filled(verb, "DATA_NODE", storage.rstrip("_")))

    cls.configure_task = _filled(cls.configure_task, "TASK")
    cls.configure_scenario = _filled(cls.configure_scenario, "SCENARIO")
    return cls


def _filled(
    verb: Callable[..., Any], kind: str, storage: str = ""
) -> Callable[..., Any]:
    code: Any = verb.__code__
    names = code.co_varnames[1 : code.co_argcount]

    @functools.wraps(verb)
    def filled(self: Any, *args: Any, **given: Any) -> Any:
        default = self._defaults.get(kind) if self._defaults else None

        if default and len(args) <= len(names):
            given = completed(
                default,
                {**dict(zip(names, args, strict=False)), **given},
                kind,
                storage,
            )
            args = ()

        return verb(self, *args, **given)

    return filled


def completed(
    default: Mapping[str, Any], given: Mapping[str, Any], kind: str, storage: str = ""
) -> dict[str, Any]:
    """Return what is given for a section, and what was set for all and is not given.

    :param storage: the storage type that the verb declares; none for any
    """
    if kind != "DATA_NODE":
        return {**default, **given}

    of_default = default.get(_STORAGE, _PLAIN)

    if (storage or given.get(_STORAGE, of_default)) != of_default:
        default = {name: default[name] for name in OF_ANY_STORAGE & default.keys()}

    found = {**default, **given}

    if storage:
        found.pop(_STORAGE, None)

    return found
