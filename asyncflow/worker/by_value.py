"""What is made of a pickle by value: of what no module has under its name.

What the main script defines is found again under its name, by whoever reads it: in the
script as it is now (at its next start, in the newest cell of a notebook), or in what a
worker has as ``__main__``. A function, and what it came with, is taken as it was sent.
"""

from __future__ import annotations

import functools
import importlib
import sys
import threading
import types
import typing
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any
from weakref import WeakKeyDictionary

import cloudpickle.cloudpickle as _cloud  # type: ignore[import-untyped]  # it has no types

from asyncflow.worker import local_modules, main, stand_in
from asyncflow.worker.digests import read_mark
from asyncflow.worker.enums import fill_class, members_of, skeleton_enum
from asyncflow.worker.local_modules import named
from asyncflow.worker.reducers import (
    Reduced,
)

CACHE = type(functools.cache(len))
"""The type of functions that remember what they have returned."""


ages: WeakKeyDictionary[type, int] = WeakKeyDictionary()
"""For classes of a main script, when they were first sent: since the epoch, in ns."""


class _Loading(threading.local):
    """What goes on in a thread."""

    came: dict[str, object] | None = None
    """What a function comes with, while it is loaded."""
    spaces: list[dict[str, Any]]
    """The globals of the functions that come, of the main script."""
    local_spaces: list[dict[str, Any]]
    """The same, of modules that only one process has."""
    resolved: set[int]
    """The classes of which another is in the pickle, by their identities."""

    def __init__(self) -> None:
        self.spaces, self.local_spaces, self.resolved = [], [], set()


_loading = _Loading()


def register_by_value(module: types.ModuleType | str) -> None:
    """Have functions and classes of a module, or of all modules of a package, travel with
    the jobs that need them: hosts of a cluster import what they have, and need not have
    these. Before their tasks run for the first time.

    :param module: itself, or its name: it is imported then
    :raises ImportError: where there is none of this name
    :raises TypeError: where it is no module, nor a name
    """
    if isinstance(module, str):
        module = importlib.import_module(module)

    if not isinstance(module, types.ModuleType):
        raise TypeError(
            f"register_by_value takes a module or the name of one; got {module!r}"
        )

    if module.__name__ == "__main__":
        return  # it does so anyway

    _cloud.register_pickle_by_value(module)


def with_names(load: Callable[[], object]) -> tuple[object, dict[str, object]]:
    """Load a function as it was sent.

    :return: the function, and what it came with of the main script, by name
    """
    came = _loading.came = {}
    spaces: list[dict[str, Any]] = []
    local: list[dict[str, Any]] = []
    _loading.spaces, _loading.local_spaces = spaces, local

    try:
        function = load()
    finally:
        _loading.came, _loading.spaces, _loading.local_spaces = None, [], []

    for space in local:
        stand_in.take(space)

    for space in spaces:
        for name, value in space.items():
            if not name.startswith("__"):
                came.setdefault(name, value)

    name = str(getattr(function, "__qualname__", ""))

    if getattr(function, "__module__", None) == "__main__" and name.isidentifier():
        came.setdefault(name, function)

    return function, came


def in_main(name: str) -> object:
    """Return what the main script has under a name; None for nothing."""
    return named(sys.modules.get("__main__"), name)


def by_name(module: str, name: str) -> object:
    """Return what a module has now in the place of a function; see `newest`."""
    __import__(module)
    return named(sys.modules[module], name)


def main_function(
    code: types.CodeType, space: dict[str, Any], *more: Any
) -> types.FunctionType:
    """Make a function of a main script."""
    function: types.FunctionType = _cloud._make_function(code, space, *more)

    if _loading.came is not None and not any(
        space is known for known in _loading.spaces
    ):
        _loading.spaces.append(space)

    return function


def main_named_function(
    code: types.CodeType, space: dict[str, Any], *more: Any
) -> types.FunctionType:
    """Find the function that a main script has under its name with the same code, where a
    value is loaded; or make it.
    """
    found = in_main(code.co_qualname)

    if (
        _loading.came is None
        and isinstance(found, types.FunctionType)
        and _is_of_job(code.co_qualname)
        and found.__globals__.get("__name__") == "__main__"
        and _steps(found.__code__) == _steps(code)
    ):
        _loading.resolved.add(id(found))
        return found

    function = main_function(code, space, *more)
    _loading.resolved.discard(id(function))
    _put(code.co_qualname, function, instead=False)
    return function


def _steps(code: types.CodeType) -> tuple[object, ...]:
    """Return what code does, wherever it stands in its file."""
    parts = (
        _steps(constant)
        if isinstance(constant, types.CodeType)
        else (type(constant), constant)
        for constant in code.co_consts
    )
    names = code.co_names, code.co_varnames, code.co_freevars
    return code.co_code, code.co_exceptiontable, code.co_flags, *names, *parts


def set_function(function: types.FunctionType, states: tuple[Any, Any]) -> None:
    """Fill a function of a main script, unless another was found in its place."""
    if id(function) not in _loading.resolved:
        _cloud._function_setstate(function, states)


def main_class(
    name: str,
    marked: str,
    is_current: bool,
    make: Callable[..., type],
    arguments: Reduced,
) -> type:
    """Find the class that a main script has under a name, or make it.

    :param marked: what tells that which is in the pickle from others
    :param is_current: whether the main script had it under this name then
    """
    found = in_main(name)
    tracker_id, age = read_mark(marked)
    arguments = *arguments[:-1], tracker_id, arguments[-1]

    if _loading.came is None and _is_class(found):
        if _is_of_job(name):
            return _resolved(found)

        if age <= ages.get(found, age):
            return _resolved(found)

        if _is_like(found, make, arguments):
            _loading.resolved.discard(id(found))
            ages[found] = age
            return found

    cls = _known(arguments) or make(*arguments)
    cls.__qualname__ = name
    _loading.resolved.discard(id(cls))
    ages.setdefault(cls, age)

    if is_current:
        _put(name, cls)

    return cls


def _known(arguments: Reduced) -> type | None:
    """Return the class that was made of an earlier pickle, or of this one.

    Another one, made to be dropped, would be seen by metaclasses that keep a registry.
    """
    known: type | None = _cloud._DYNAMIC_CLASS_TRACKER_BY_ID.get(arguments[-2])
    return known


def _is_of_job(name: str) -> bool:
    """Tell whether what the main script has under a name is of today: the script's own, or
    what the function of a worker's job came with.
    """
    return main.here is None or main.here.is_shown(name.partition(".")[0])


def _is_class(found: object) -> typing.TypeGuard[type]:
    return isinstance(found, type) and found.__module__ == "__main__"


def _resolved(found: type) -> type:
    _loading.resolved.add(id(found))
    return found


def _is_like(found: type, make: object, arguments: Reduced) -> bool:
    """Tell whether a class can become the newer one that is in a pickle."""
    if make is skeleton_enum:
        kind, (bases, *_), members, *_ = arguments
        values = {name: value for name, value, *_ in members}
        is_alike = type(found) is kind and found.__bases__ == bases
        return is_alike and members_of(found) == values

    return (
        type(found) is arguments[0]
        and found.__bases__ == arguments[2]
        and "__slots__" not in vars(found)
    )


def set_class(cls: type, states: tuple[Any, dict[str, object]]) -> None:
    """Fill a class of a main script, unless another was found in its place."""
    state, along = states

    if id(cls) not in _loading.resolved:
        fill_class(cls, state)

    for name, value in along.items():
        _put(name, value, instead=False)


def main_named(name: str, make: Callable[..., object], arguments: Reduced) -> object:
    """Find what a main script has under a name, or make it."""
    found = in_main(name)

    if _loading.came is None and found is not None:
        _loading.resolved.add(id(found))
        return found

    value = _made("__main__", make, arguments)
    _put(name, value)
    return value


def local_named(
    module: str, name: str, make: Callable[..., object], arguments: Reduced
) -> object:
    """Find what a module has under a name that only one process has, or make it."""
    if _loading.came is None and local_modules.is_local(module):
        found = named(sys.modules.get(module), name)

        if found is not None:
            _loading.resolved.add(id(found))
            return found

    return _made(module, make, arguments)


def local_function(
    code: types.CodeType, space: dict[str, Any], *more: Any
) -> types.FunctionType:
    """Make a function of a module that only one process has."""
    function: types.FunctionType = _cloud._make_function(code, space, *more)

    if _loading.came is not None and not any(
        space is known for known in _loading.local_spaces
    ):
        _loading.local_spaces.append(space)

    stand_in.put(space["__name__"], code.co_qualname, function)
    return function


def local_class(
    module: str, name: str, make: Callable[..., type], *arguments: Any
) -> type:
    """Find the class that a module has that only one process has, or make it."""
    found = named(sys.modules.get(module), name)

    if (
        _loading.came is None
        and local_modules.is_local(module)
        and isinstance(found, type)
        and found.__module__ == module
    ):
        return _resolved(found)

    cls = _known(arguments) or make(*arguments)
    cls.__qualname__ = name
    _loading.resolved.discard(id(cls))
    stand_in.put(module, name, cls)
    return cls


def set_local_class(cls: type, states: tuple[Any, dict[str, object]]) -> None:
    """Fill a class of such a module, unless another was found in its place."""
    state, along = states

    if id(cls) not in _loading.resolved:
        fill_class(cls, state)

        for name, value in along.items():
            stand_in.put(cls.__module__, name, value)


def local_module(name: str, content: dict[str, object]) -> types.ModuleType:
    """Find such a module, or make what stands for it."""
    if main.here is None:
        found = sys.modules.get(name) if local_modules.is_local(name) else None
        return found or _cloud.dynamic_subimport(name, content)

    for key, value in content.items():
        stand_in.put(name, key, value)

    return stand_in.of(name)


def _made(module: str, make: Callable[..., object], arguments: Reduced) -> Any:
    value: Any = make(*arguments)
    _loading.resolved.discard(id(value))

    if getattr(value, "__module__", module) != module:
        with suppress(AttributeError):  # else it says where it is from by its class
            value.__module__ = module

    return value


def single_dispatch() -> object:
    """Make a function of `functools.singledispatch`; see `set_single`."""
    return functools.singledispatch(lambda _: None)


def set_single(function: Any, registry: Mapping[type, Callable[..., object]]) -> None:
    """Register what a function of `functools.singledispatch` does for each type."""
    if id(function) in _loading.resolved:
        return

    for kind, implementation in registry.items():
        function.register(kind, implementation)

    functools.update_wrapper(function, registry[object])


def blank(cls: Any) -> object:
    """Make an instance that `set_named` fills."""
    return cls.__new__(cls)


def main_cache(parameters: Mapping[str, Any], arguments: Reduced) -> object:
    """Make a cached function of a main script; see `main_function`."""
    return cached(parameters, main_function(*arguments))


def cached(parameters: Mapping[str, Any], function: Callable[..., object]) -> object:
    """Make a cached function anew."""
    return functools.lru_cache(**parameters)(function)


def set_cache(cache: Any, state: object) -> None:
    """Give a cached function of a main script its state."""
    if id(cache) not in _loading.resolved:
        _cloud._function_setstate(cache.__wrapped__, state)
        functools.update_wrapper(cache, cache.__wrapped__)


def set_named(value: Any, state: tuple[dict[str, object] | None, Any]) -> None:
    """Give an instance of a main script its attributes."""
    if id(value) in _loading.resolved:
        return

    attributes, slots = state

    if attributes:
        vars(value).update(attributes)

    for name, slot in slots.items():
        setattr(value, name, slot)


def _put(name: str, value: object, *, instead: bool = True) -> None:
    """Put something into a worker's ``__main__``.

    :param instead: whether it takes the place of what has its name
    """
    if "." in name:
        return

    if _loading.came is not None:
        if instead or name not in _loading.came:
            _loading.came[name] = value
    elif main.here is not None and (instead or name not in main.here.content):
        main.here.keep(name, value)


_main_function, _main_class, _main_named = main_function, main_class, main_named
_main_cache, _local_named, _cached = main_cache, local_named, cached
_single, _set_single, _set_cache = single_dispatch, set_single, set_cache
_blank, _set_named, _set_class = blank, set_named, set_class
"""How values name them that were kept earlier."""
