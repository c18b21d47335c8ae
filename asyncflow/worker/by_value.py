"""Pickling by value, through cloudpickle: what no module has under its name.

What the main script defines is found again under its name, by whoever reads it: in the
script as it is now (at its next start, in the newest cell of a notebook), or in what a
worker has as ``__main__``. A function, and what it came with, is taken as it was sent.
"""

from __future__ import annotations

import enum
import functools
import io
import marshal
import pickle
import sys
import threading
import time
import types
import typing
from collections import ChainMap
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

import cloudpickle.cloudpickle as _cloud  # type: ignore[import-untyped]  # it has no types

from asyncflow.worker import local_modules, main
from asyncflow.worker.annotations import named_in_annotations
from asyncflow.worker.codec import load_code
from asyncflow.worker.digests import mark, read_mark
from asyncflow.worker.local_modules import named
from asyncflow.worker.reducers import (
    REDUCERS,
    Reduced,
    constant_name,
    parts_of_variable,
    reduce_parametrized,
    slots_of,
    variable,
)
from asyncflow.worker.reloaded import newest

_CACHE = type(functools.cache(len))
_BY_NAME: Mapping[type, tuple[str, ...]] = {
    _kind: parts
    for name, parts in {
        "NewType": ("__name__", "__supertype__"),
        "ParamSpec": ("__name__",),
        "TypeVarTuple": ("__name__",),
        "TypeAliasType": ("__name__", "__value__"),
    }.items()
    if isinstance(_kind := getattr(typing, name, None), type)
}
"""Types whose instances say their name when they are pickled; and how they are made."""

_ages: WeakKeyDictionary[type, int] = WeakKeyDictionary()
"""For classes of a main script, when they were first sent: since the epoch, in ns."""


class _Here(threading.local):
    """What goes on in a thread."""

    came: dict[str, object] | None = None
    """What a function comes with, while it is loaded."""
    spaces: list[dict[str, Any]]
    """The globals of the functions that come."""
    resolved: set[int]
    """The classes of which another is in the pickle, by their identities."""

    def __init__(self) -> None:
        self.spaces, self.resolved = [], set()


_here = _Here()


def pickled(
    value: object, collect: Callable[[pickle.PickleBuffer], bool] | None = None
) -> bytes:
    """Pickle a value with protocol 5.

    :param collect: pickle's callback for large buffers
    """
    with io.BytesIO() as file:
        _Pickler(file, protocol=5, buffer_callback=collect).dump(newest(value))
        return file.getvalue()


def pickled_names(content: Mapping[str, object]) -> bytes:
    """Pickle those of a module's names whose values can be pickled."""
    names = {key: one for key, one in content.items() if not key.startswith("__")}

    try:
        return pickled(names)
    except Exception:
        return pickled({key: one for key, one in names.items() if _is_picklable(one)})


def with_names(load: Callable[[], object]) -> tuple[object, dict[str, object]]:
    """Load a function as it was sent.

    :return: the function, and what it came with of the main script, by name
    """
    came = _here.came = {}
    spaces: list[dict[str, Any]] = []
    _here.spaces = spaces

    try:
        function = load()
    finally:
        _here.came, _here.spaces = None, []

    for space in spaces:
        for name, value in space.items():
            if not name.startswith("__"):
                came.setdefault(name, value)

    name = str(getattr(function, "__qualname__", ""))

    if getattr(function, "__module__", None) == "__main__" and name.isidentifier():
        came.setdefault(name, function)

    return function, came


def _is_picklable(value: object) -> bool:
    try:
        pickled(value)
    except Exception:
        return False

    return True


# ------------------------------------------------------------------------------ writing


def _reduce_code(code: types.CodeType) -> Reduced:
    return load_code, (marshal.dumps(code),)


def _reduce_variable(value: typing.TypeVar) -> Any:
    module = _module_of(value)
    is_mains = module == "__main__" and _in_main(value.__name__) is value

    if not is_mains and not local_modules.is_local(module):
        return _cloud._typevar_reduce(value)

    made = value.__name__, variable, parts_of_variable(value)
    return _in_its_module(value, (_main_named, made))


class _Pickler(_cloud.Pickler):  # type: ignore[misc]  # it has no types
    """Sends what a main script defines together with its name.

    It keeps the file names of code: cloudpickle 3.1.3 drops what tracebacks need.
    """

    dispatch_table: ClassVar = ChainMap(
        {
            types.CodeType: _reduce_code,
            typing.TypeVar: _reduce_variable,
            **REDUCERS,
        },
        _cloud.Pickler.dispatch_table,
    )

    def reducer_override(self, value: Any) -> Any:
        kind: Any = type(value)

        if (
            issubclass(kind, type | types.FunctionType | types.ModuleType)
            and (made := self._of_local_module(value)) is not None
        ):
            return made

        if issubclass(kind, type):
            if (made := reduce_parametrized(value)) is not None:
                return made

            return _reduce_class(value) if _is_named(value) else _super_of(self, value)

        if kind in (types.FunctionType, _CACHE) and newest(value) is not value:
            return by_name, (value.__module__, value.__qualname__)

        if kind is types.FunctionType:
            return _super_of(self, value)

        if kind in self.dispatch_table:
            return NotImplemented

        if (
            kind.__reduce_ex__ is object.__reduce_ex__
            and kind.__reduce__ is object.__reduce__
        ):
            return constant_name(value) or NotImplemented

        made = value.__reduce_ex__(5)

        if isinstance(made, str) and _is_homeless(value, made):
            return _in_its_module(value, self._reduce_named(value, made))

        return made

    def _of_local_module(self, value: Any) -> Reduced | None:
        """Reduce what is of a module that only this process has."""
        made: Reduced | None = None

        if isinstance(value, types.ModuleType):
            if local_modules.is_local(value.__name__):
                state = {**vars(value)}
                state.pop("__builtins__", None)
                made = _cloud.dynamic_subimport, (value.__name__, state)
        elif not local_modules.is_local(getattr(value, "__module__", None)):
            return None
        elif isinstance(value, type):
            made = _cloud._dynamic_class_reduce(value)
        else:
            made = self._dynamic_function_reduce(value)

        return made

    def _dynamic_function_reduce(self, function: types.FunctionType) -> Reduced:
        if function.__globals__ is vars(functools) and "registry" in vars(function):
            registry = dict(vars(function)["registry"])
            single = function.__qualname__, _single, ()
            return _main_named, single, registry, None, None, _set_single

        made: Reduced = super()._dynamic_function_reduce(function)

        if function.__globals__.get("__name__") != "__main__":
            return made

        _, arguments, (attributes, state), *more = made
        along = named_in_annotations(function)
        state = {**state, "__globals__": {**along, **state["__globals__"]}}
        return _main_function, arguments, (attributes, state), *more

    def _reduce_named(self, value: Any, name: str) -> Reduced:
        """Reduce what would only tell its name."""
        kind: Any = type(value)
        made: Reduced

        if kind is _CACHE and isinstance(value.__wrapped__, types.FunctionType):
            wrapped = value.__wrapped__
            _, arguments, state, *_ = self._dynamic_function_reduce(wrapped)
            made = name, _main_cache, (value.cache_parameters(), arguments)
            return _main_named, made, state, None, None, _set_cache

        if kind is _CACHE:
            made = name, _cached, (value.cache_parameters(), value.__wrapped__)
            return _main_named, made

        if kind in _BY_NAME:
            parts = tuple(getattr(value, part) for part in _BY_NAME[kind])
            return _main_named, (name, kind, parts)

        if isinstance(value, enum.Enum):
            return kind, (value.value,)

        made = name, _blank, (kind,)
        return _main_named, made, _state_of(value), None, None, _set_named


def _super_of(pickler: _Pickler, value: object) -> Any:
    return _cloud.Pickler.reducer_override(pickler, value)


def _reduce_class(cls: type) -> Reduced:
    make, arguments, state, *_ = _cloud._dynamic_class_reduce(cls)

    if make is _cloud._make_skeleton_class and vars(cls).get("__slots__"):
        kind, name, bases, content, *more = arguments
        content = {**content, "__slots__": vars(cls)["__slots__"]}
        arguments = kind, name, bases, content, *more

    *arguments, tracker_id, extra = arguments
    marked = mark(tracker_id, _ages.setdefault(cls, time.time_ns()))
    is_current = _in_main(cls.__qualname__) is cls
    made = cls.__qualname__, marked, is_current, make, (*arguments, extra)
    along = named_in_annotations(cls)
    return _main_class, made, (state, along), None, None, _set_class


def _is_named(cls: type) -> bool:
    """Tell whether a main script defines a class, at its top or within another one."""
    return cls.__module__ == "__main__" and "<locals>" not in cls.__qualname__


def _is_homeless(value: object, name: str) -> bool:
    """Tell whether no worker can import a value under a name.

    It is of the main script, or of what was run as one, or of a module that only this
    process has.
    """
    module = _module_of(value)

    if module == "__main__":
        found = _in_main(name)
        return found is None or found is value

    return local_modules.is_local(module) or module not in sys.modules


def _module_of(value: object) -> str:
    return getattr(value, "__module__", None) or type(value).__module__


def _in_its_module(value: object, reduced: Reduced) -> Reduced:
    """Have what is of another module than the main script found there again."""
    make, arguments, *more = reduced
    module = _module_of(value)

    if make is not _main_named or module == "__main__":
        return reduced

    return _local_named, (module, *arguments), *more


def _in_main(name: str) -> object:
    return named(sys.modules.get("__main__"), name)


def _state_of(value: object) -> tuple[object, dict[str, object]]:
    """Return the attributes of an instance, as pickle sets them."""
    slots = {
        name: getattr(value, name)
        for cls in type(value).__mro__
        for name in slots_of(cls)
        if hasattr(value, name)
    }
    return getattr(value, "__dict__", None), slots


# ------------------------------------------------------------------------------ reading


def by_name(module: str, name: str) -> object:
    """Return what a module has now in the place of a function; see `newest`."""
    __import__(module)
    return named(sys.modules[module], name)


def _main_function(
    code: types.CodeType, space: dict[str, Any], *more: Any
) -> types.FunctionType:
    """Make a function of a main script."""
    function: types.FunctionType = _cloud._make_function(code, space, *more)

    if _here.came is not None and not any(space is one for one in _here.spaces):
        _here.spaces.append(space)

    return function


def _main_class(
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
    found = _in_main(name)
    tracker_id, age = read_mark(marked)
    arguments = *arguments[:-1], tracker_id, arguments[-1]

    if _here.came is None and _is_class(found):
        names = main.here

        if names is None or names.is_shown(name.partition(".")[0]):
            return _resolved(found)

        if age <= _ages.get(found, age):
            return _resolved(found)

        if _is_like(found, make, arguments):
            _here.resolved.discard(id(found))
            _ages[found] = age
            return found

    cls = make(*arguments)
    cls.__qualname__ = name
    _here.resolved.discard(id(cls))
    _ages.setdefault(cls, age)

    if is_current:
        _put(name, cls)

    return cls


def _is_class(found: object) -> typing.TypeGuard[type]:
    return isinstance(found, type) and found.__module__ == "__main__"


def _resolved(found: type) -> type:
    _here.resolved.add(id(found))
    return found


def _is_like(found: type, make: object, arguments: Reduced) -> bool:
    """Tell whether a class can become the newer one that is in a pickle."""
    if make is _cloud._make_skeleton_enum:
        members = {one.name: one.value for one in typing.cast(Any, found)}
        return bool(found.__bases__ == arguments[0] and members == arguments[3])

    return (
        type(found) is arguments[0]
        and found.__bases__ == arguments[2]
        and "__slots__" not in vars(found)
    )


def _set_class(cls: type, states: tuple[object, dict[str, object]]) -> None:
    state, along = states

    if id(cls) not in _here.resolved:
        _cloud._class_setstate(cls, state)

    for name, value in along.items():
        _put(name, value, instead=False)


def _main_named(name: str, make: Callable[..., object], arguments: Reduced) -> object:
    """Find what a main script has under a name, or make it."""
    found = _in_main(name)

    if _here.came is None and found is not None:
        _here.resolved.add(id(found))
        return found

    value = _made("__main__", make, arguments)
    _put(name, value)
    return value


def _local_named(
    module: str, name: str, make: Callable[..., object], arguments: Reduced
) -> object:
    """Find what a module has under a name that only one process has, or make it."""
    if _here.came is None and local_modules.is_local(module):
        found = named(sys.modules.get(module), name)

        if found is not None:
            _here.resolved.add(id(found))
            return found

    return _made(module, make, arguments)


def _made(module: str, make: Callable[..., object], arguments: Reduced) -> Any:
    value: Any = make(*arguments)
    _here.resolved.discard(id(value))

    if getattr(value, "__module__", module) != module:
        with suppress(AttributeError):  # else it says where it is from by its class
            value.__module__ = module

    return value


def _single() -> object:
    return functools.singledispatch(lambda _: None)


def _set_single(function: Any, registry: Mapping[type, Callable[..., object]]) -> None:
    if id(function) in _here.resolved:
        return

    for kind, implementation in registry.items():
        function.register(kind, implementation)

    functools.update_wrapper(function, registry[object])


def _blank(cls: Any) -> object:
    return cls.__new__(cls)


def _main_cache(parameters: Mapping[str, Any], arguments: Reduced) -> object:
    return _cached(parameters, _main_function(*arguments))


def _cached(parameters: Mapping[str, Any], function: Callable[..., object]) -> object:
    return functools.lru_cache(**parameters)(function)


def _set_cache(cached: Any, state: object) -> None:
    if id(cached) not in _here.resolved:
        _cloud._function_setstate(cached.__wrapped__, state)
        functools.update_wrapper(cached, cached.__wrapped__)


def _set_named(value: Any, state: tuple[dict[str, object] | None, Any]) -> None:
    if id(value) in _here.resolved:
        return

    attributes, slots = state

    if attributes:
        vars(value).update(attributes)

    for name, one in slots.items():
        setattr(value, name, one)


def _put(name: str, value: object, *, instead: bool = True) -> None:
    """Put something into a worker's ``__main__``.

    :param instead: whether it takes the place of what has its name
    """
    if "." in name:
        return

    if _here.came is not None:
        if instead or name not in _here.came:
            _here.came[name] = value
    elif main.here is not None and (instead or name not in main.here.content):
        main.here.keep(name, value)
