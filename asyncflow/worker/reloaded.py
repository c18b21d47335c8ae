"""Functions of modules that were loaded anew since: what has their names now.

A task that was declared before ``importlib.reload`` has the function of then. Its jobs
run that of now, as they do where the reload comes after the first run.
"""

from __future__ import annotations

import sys
from functools import partial
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from asyncflow.worker import local_modules

DEPTH = 16
"""How many wrappers a function may have."""


def renewed(value: Any) -> Any:
    """Return what is called in the place of something callable since a reload, or itself.

    A class method and what a `functools.partial` calls are looked up anew. An object, and
    so a method of it, keeps the class that it was made of.
    """
    if type(value) is partial:
        function = renewed(value.func)

        if function is value.func:
            return value

        return partial(function, *value.args, **value.keywords)

    if not isinstance(value, MethodType):
        return newest(value)

    if not isinstance(value.__self__, type):
        return value

    owner = _newest_class(value.__self__)
    return value if owner is value.__self__ else getattr(owner, value.__name__, value)


def module_of(value: Any) -> str | None:
    """Return the name of the module that something callable comes from, if known."""
    while isinstance(value, partial):
        value = value.func

    if isinstance(value, MethodType) and isinstance(value.__self__, type):
        value = value.__self__

    where = getattr(value, "__module__", None)
    return where if isinstance(where, str) else None


def _newest_class(cls: type) -> type:
    """Return the class that a module has in the place of one of its classes."""
    where = cls.__module__

    if where in local_modules.MAINS or local_modules.is_local(where):
        return cls

    found = local_modules.named(sys.modules.get(where), cls.__qualname__)
    is_newer = isinstance(found, type) and (found.__module__, found.__qualname__) == (
        where,
        cls.__qualname__,
    )
    return found if is_newer else cls


def newest(value: Any) -> Any:
    """Return what a function's module has in its place since a reload, or itself.

    What its module has defined twice, or wrapped, or what was replaced by hand, is itself.
    """
    name, where = (
        getattr(value, "__qualname__", None),
        getattr(value, "__module__", None),
    )
    module = sys.modules.get(where) if isinstance(where, str) else None

    if (
        module is None
        or not isinstance(name, str)
        or where in local_modules.MAINS
        or local_modules.is_local(where)
    ):
        return value

    found = local_modules.named(module, name)

    if found is None or found is value:
        return value

    (*outer, inner), (*new_outer, new_inner) = _layers(value), _layers(found)

    if (
        inner is new_inner  # the module wraps it otherwise, or somebody else does
        or [*map(_made_by, outer)] != [*map(_made_by, new_outer)]
        or not isinstance(inner, FunctionType)
        or not isinstance(new_inner, FunctionType)
    ):
        return value

    old, new = inner.__code__, new_inner.__code__

    if old.co_qualname != new.co_qualname:
        return value

    defined = _defined_in(module)
    is_older = new in defined and (old == new or old not in defined)
    return found if is_older else value


def _layers(value: Any) -> list[Any]:
    """Return something callable, and what it wraps, to the function inside."""
    layers = [value]

    while hasattr(layers[-1], "__wrapped__") and len(layers) <= DEPTH:
        layers.append(layers[-1].__wrapped__)

    return layers


def _made_by(wrapper: Any) -> tuple[object, ...]:
    """Return what tells wrappers of one decorator from others'."""
    if isinstance(wrapper, FunctionType):
        return wrapper.__code__.co_filename, wrapper.__code__.co_qualname

    return type(wrapper).__module__, type(wrapper).__qualname__


def _defined_in(module: ModuleType) -> set[CodeType]:
    """Return the code of all functions that a module's file defines. Blocks."""
    try:
        left = [module.__spec__.loader.get_code(module.__name__)]  # type: ignore[union-attr]  # where it has none, there is none
    except Exception:  # of somebody's loader; of a file that is half written
        return set()

    found: set[CodeType] = set()

    while left:
        code = left.pop()

        if isinstance(code, CodeType) and code not in found:
            found.add(code)
            left.extend(code.co_consts)

    return found
