"""Pickling by value, through cloudpickle: what no module has under its name.

How it is found again, or made, is in `by_value`.
"""

from __future__ import annotations

import enum
import functools
import io
import marshal
import pickle
import sys
import time
import types
import typing
from collections import ChainMap
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, ClassVar

import cloudpickle.cloudpickle as _cloud  # type: ignore[import-untyped]  # it has no types

from asyncflow.worker import local_modules, stand_in
from asyncflow.worker.annotations import named_in_annotations
from asyncflow.worker.by_value import (
    CACHE,
    ages,
    blank,
    by_name,
    cached,
    in_main,
    local_class,
    local_function,
    local_module,
    local_named,
    main_cache,
    main_class,
    main_function,
    main_named,
    main_named_function,
    set_cache,
    set_class,
    set_function,
    set_local_class,
    set_named,
    set_single,
    single_dispatch,
)
from asyncflow.worker.codec import load_code
from asyncflow.worker.digests import mark
from asyncflow.worker.enums import reduce_enum
from asyncflow.worker.per_process import stands_for
from asyncflow.worker.reducers import (
    REDUCERS,
    Reduced,
    constant_name,
    parts_of_variable,
    reduce_in_own_way,
    reduce_parametrized,
    slots_of,
    variable,
)
from asyncflow.worker.reloaded import newest
from asyncflow.worker.steps import Written

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


_MAKERS: frozenset[object] = frozenset(
    {
        *(load_code, main_function, main_named_function, local_function, set_function),
        *(_cloud._make_function, _cloud._function_setstate, _cloud._make_empty_cell),
        _cloud._make_cell,
    }
)
"""What makes functions: each names several of these, which any worker can import."""


def pickled(
    value: object, collect: Callable[[pickle.PickleBuffer], bool] | None = None
) -> bytes:
    """Pickle a value with protocol 5.

    :param collect: pickle's callback for large buffers
    """
    written = Written()
    _Pickler(written, protocol=5, buffer_callback=collect).dump(newest(value))
    return b"".join(written.parts)


def pickled_names(content: Mapping[str, object]) -> bytes:
    """Pickle those names whose values can be pickled: by module, those of the main script
    under the empty text.
    """
    copied = {"": content, **stand_in.copies()}
    names = {
        module: {key: value for key, value in own.items() if not key.startswith("__")}
        for module, own in copied.items()
    }

    try:
        return pickled(names)
    except Exception:
        return pickled(
            {
                module: {
                    key: value for key, value in own.items() if _is_picklable(value)
                }
                for module, own in names.items()
            }
        )


def _is_picklable(value: object) -> bool:
    try:
        pickled(value)
    except Exception:
        return False

    return True


def _reduce_code(code: types.CodeType) -> Reduced:
    return load_code, (marshal.dumps(code),)


def _reduce_cell(cell: types.CellType) -> Any:
    make, content = _cloud._cell_reduce(cell)
    return make, tuple(map(stands_for, content))


def _reduce_file(file: io.TextIOWrapper) -> Any:
    if file in (sys.stdout, sys.stderr):
        return _cloud._file_reduce(file)

    # cloudpickle would read it and send its text as another kind of file.
    raise pickle.PicklingError(f"cannot pickle the open file {file.name!r}")


def _reduce_variable(value: typing.TypeVar) -> Any:
    module = _module_of(value)
    is_mains = module == "__main__" and in_main(value.__name__) is value

    if not is_mains and not local_modules.is_local(module):
        return _cloud._typevar_reduce(value)

    made = value.__name__, variable, parts_of_variable(value)
    return _in_its_module(value, (main_named, made))


class _Pickler(_cloud.Pickler):  # type: ignore[misc]  # it has no types
    """Sends what a main script defines together with its name.

    It keeps the file names of code: cloudpickle 3.1.3 drops what tracebacks need.
    """

    dispatch_table: ClassVar = ChainMap(
        {
            types.CodeType: _reduce_code,
            types.CellType: _reduce_cell,
            io.TextIOWrapper: _reduce_file,
            typing.TypeVar: _reduce_variable,
            **REDUCERS,
        },
        _cloud.Pickler.dispatch_table,
    )

    def reducer_override(self, value: Any) -> Any:
        kind: Any = type(value)

        if kind is types.FunctionType and value in _MAKERS:
            return NotImplemented

        if (
            issubclass(kind, type | types.FunctionType | types.ModuleType)
            and (made := self._of_local_module(value)) is not None
        ):
            return made

        if issubclass(kind, type):
            return self._reduce_type(value)

        if kind in (types.FunctionType, CACHE) and newest(value) is not value:
            return by_name, (value.__module__, value.__qualname__)

        if kind is types.FunctionType:
            return _super_of(self, value)

        if kind in self.dispatch_table:
            return NotImplemented

        if (
            kind.__reduce_ex__ is object.__reduce_ex__
            and kind.__reduce__ is object.__reduce__
        ):
            return constant_name(value) or _decorated(value) or NotImplemented

        try:
            made = reduce_in_own_way(value)
        except Exception:
            if (found := _importable(value)) is None:
                raise

            return found

        if isinstance(made, str) and _is_homeless(value, made):
            return _in_its_module(value, self._reduce_named(value, made))

        if kind is CACHE and _named(value, made) is not value:
            return cached, (value.cache_parameters(), value.__wrapped__)

        return made

    def _reduce_type(self, cls: type) -> Any:
        if (made := reduce_parametrized(cls)) is not None:
            return made

        if _is_named(cls):
            return _reduce_class(cls)

        if "<locals>" in cls.__qualname__:
            return _skeleton(cls)

        made = _super_of(self, cls)
        is_by_value = made is not NotImplemented and isinstance(cls, enum.EnumType)
        return reduce_enum(cls) if is_by_value else made

    def _of_local_module(self, value: Any) -> Reduced | None:
        """Reduce what is of a module that only this process has."""
        made: Reduced | None = None

        if isinstance(value, types.ModuleType):
            if local_modules.is_local(value.__name__):
                state = {**vars(value)}
                state.pop("__builtins__", None)
                made = local_module, (value.__name__, state)
        elif not local_modules.is_local(getattr(value, "__module__", None)):
            return None
        elif isinstance(value, type):
            made = _reduce_local_class(value)
        else:
            made = self._dynamic_function_reduce(value)

        return made

    def _dynamic_function_reduce(self, function: types.FunctionType) -> Reduced:
        if function.__globals__ is vars(functools) and "registry" in vars(function):
            registry = dict(vars(function)["registry"])
            made_by = function.__qualname__, single_dispatch, ()
            return main_named, made_by, registry, None, None, set_single

        made: Reduced = super()._dynamic_function_reduce(function)
        make, arguments, (attributes, state), *more = made
        attributes = {name: stands_for(value) for name, value in attributes.items()}
        module = function.__globals__.get("__name__")

        if module != "__main__" and not local_modules.is_local(module):
            return make, arguments, (attributes, state), *more

        along = named_in_annotations(function, function.__globals__)
        names = {
            name: stands_for(value) for name, value in state["__globals__"].items()
        }
        state = {**state, "__globals__": {**along, **names}}

        if module != "__main__":
            return local_function, arguments, (attributes, state), *more

        if in_main(function.__code__.co_qualname) is not function:
            return main_function, arguments, (attributes, state), *more

        made = main_named_function, arguments, (attributes, state), None, None
        return *made, set_function

    def _reduce_named(self, value: Any, name: str) -> Reduced:
        """Reduce what would only tell its name."""
        kind: Any = type(value)
        made: Reduced

        if kind is CACHE and isinstance(value.__wrapped__, types.FunctionType):
            wrapped = value.__wrapped__
            _, arguments, state, *_ = self._dynamic_function_reduce(wrapped)
            made = name, main_cache, (value.cache_parameters(), arguments)
            return main_named, made, state, None, None, set_cache

        if kind is CACHE:
            made = name, cached, (value.cache_parameters(), value.__wrapped__)
            return main_named, made

        if kind in _BY_NAME:
            parts = tuple(getattr(value, part) for part in _BY_NAME[kind])
            return main_named, (name, kind, parts)

        if isinstance(value, enum.Enum):
            return kind, (value.value,)

        made = name, blank, (kind,)
        return main_named, made, _state_of(value), None, None, set_named


def _super_of(pickler: _Pickler, value: object) -> Any:
    return _cloud.Pickler.reducer_override(pickler, value)


def _skeleton(cls: type) -> Reduced:
    """Reduce a class as cloudpickle does, with slots and the name that it leaves out."""
    if isinstance(cls, enum.EnumType):
        return reduce_enum(cls)

    make, arguments, *rest = _cloud._dynamic_class_reduce(cls)

    kind, name, bases, content, *more = arguments

    if kind.__module__.partition(".")[0] == "msgspec":
        why = "it has to be in a module that workers can import"
        raise pickle.PicklingError(
            f"msgspec makes the class {name} in one piece: {why}"
        )

    if kind.__name__ == "_TypedDictMeta" and bases == (dict,):  # it refuses this base
        bases = (sys.modules[kind.__module__].TypedDict,)

    content = {**content, "__qualname__": cls.__qualname__}

    if vars(cls).get("__slots__"):
        content["__slots__"] = vars(cls)["__slots__"]

    return make, (kind, name, bases, content, *more), *rest


def _reduce_class(cls: type) -> Reduced:
    make, arguments, state, *_ = _skeleton(cls)
    *arguments, tracker_id, extra = arguments
    marked = mark(tracker_id, ages.setdefault(cls, time.time_ns()))
    is_current = in_main(cls.__qualname__) is cls
    made = cls.__qualname__, marked, is_current, make, (*arguments, extra)
    content, *others = state
    state = {name: stands_for(value) for name, value in content.items()}, *others
    along = named_in_annotations(cls)
    return main_class, made, (state, along), None, None, set_class


def _reduce_local_class(cls: type) -> Reduced:
    make, arguments, state, *more = _skeleton(cls)

    module = sys.modules.get(cls.__module__)

    if local_modules.named(module, cls.__qualname__) is not cls:
        return make, arguments, state, *more  # of a function, or one that was replaced

    along = named_in_annotations(cls, vars(module))
    made = cls.__module__, cls.__qualname__, make, *arguments
    return local_class, made, (state, along), None, None, set_local_class


def _is_named(cls: type) -> bool:
    """Tell whether a main script defines a class, at its top or within another one."""
    return cls.__module__ == "__main__" and "<locals>" not in cls.__qualname__


def _decorated(value: object) -> Reduced | None:
    """Reduce an object that was put in the place of a function to its name."""
    attributes = vars(value) if hasattr(value, "__dict__") else {}
    return _importable(value) if "__wrapped__" in attributes else None


def _importable(value: Any) -> Reduced | None:
    """Reduce what workers import to its name; None where they find it under none."""
    with suppress(Exception):  # of somebody's property
        module, name = sys.modules[value.__module__], value.__qualname__

        if (
            module.__name__ not in local_modules.MAINS
            and not local_modules.is_local(module.__name__)
            and not _cloud._is_registered_pickle_by_value(module)
            and local_modules.named(module, name) is value
        ):
            return by_name, (module.__name__, name)

    return None


def _is_homeless(value: object, name: str) -> bool:
    """Tell whether no worker can import a value under a name.

    It is of the main script, or of what was run as one, or of a module that only this
    process has.
    """
    module = _module_of(value)

    if module == "__main__":
        found = in_main(name)
        return found is None or found is value

    return local_modules.is_local(module) or module not in sys.modules


def _named(value: object, name: str) -> object:
    """Return what stands in the module of a value under a name."""
    return local_modules.named(sys.modules.get(_module_of(value)), name)


def _module_of(value: object) -> str:
    return getattr(value, "__module__", None) or type(value).__module__


def _in_its_module(value: object, reduced: Reduced) -> Reduced:
    """Have what is of another module than the main script found there again."""
    make, arguments, *more = reduced
    module = _module_of(value)

    if make is not main_named or module == "__main__":
        return reduced

    return local_named, (module, *arguments), *more


def _state_of(value: object) -> tuple[object, dict[str, object]]:
    """Return the attributes of an instance, as pickle sets them."""
    slots = {
        name: getattr(value, name)
        for cls in type(value).__mro__
        for name in slots_of(cls)
        if hasattr(value, name)
    }
    return getattr(value, "__dict__", None), slots
