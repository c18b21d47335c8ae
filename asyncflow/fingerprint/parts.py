"""What functions and classes consist of, as far as it says what they do."""

from __future__ import annotations

import abc
import enum
import functools
import sys
import types
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from asyncflow.bytecode import imports_of, modules_of
from asyncflow.fingerprint.lookups import Asked, asked_by, compared
from asyncflow.worker.annotations import named_in_annotations

CACHE = type(functools.cache(len))
"""What ``functools.cache`` and ``lru_cache`` make."""

_LEFT_OUT = frozenset(
    {
        "__annotations__",
        "__annotations_cache__",
        "__dict__",
        "__doc__",
        "__firstlineno__",
        "__module__",
        "__signature__",
        "__slotnames__",  # `copyreg` makes it
        "__static_attributes__",
        "__weakref__",
        "_abc_impl",
        "__pydantic_complete__",  # made of the rest, with addresses in it
        "__pydantic_computed_fields__",
        "__pydantic_core_schema__",
        "__pydantic_fields_complete__",
        "__pydantic_parent_namespace__",
        "__pydantic_serializer__",
        "__pydantic_setattr_handlers__",
        "__pydantic_validator__",
    }
)
"""What a class has that is made when it is used, or says where it is from."""

_NO_GLOBALS = frozenset({"__builtins__", "__cached__", "__loader__", "__spec__"})
_OF_ENUM = (types.FunctionType, staticmethod, classmethod, property)
_BOUNDARY = "_boundary_"
_DOC = frozenset({"__doc__", "getdoc"})
"""The names by which a function asks for docstrings."""
_OF_MEMBER = frozenset({"_value_", "_name_", "_sort_order_", "__objclass__"})


_GENERATED = "<attrs generated"
"""The file of functions that are made from `__attrs_attrs__`, with random numbers."""


class Global(NamedTuple):
    """A value that a function finds under a name of its module."""

    module: dict[str, Any]
    name: str


class Members(NamedTuple):
    """What a function may ask of a module of the user's."""

    module: types.ModuleType
    names: frozenset[str]


class Source(NamedTuple):
    """A module that a function imports when it runs."""

    name: str


class Unknown(NamedTuple):
    """What cannot be compared."""

    what: str


class Hint(NamedTuple):
    """A value that need not be described."""

    value: object


def parts_of_function(
    function: types.FunctionType, own: Container[str]
) -> Iterator[object]:
    """Give the parts of a function.

    :param own: the names of the modules that are the user's
    """
    yield function.__qualname__

    if function.__code__.co_filename.startswith(_GENERATED):
        return

    registry = function.__dict__.get("registry")

    if isinstance(registry, Mapping) and "dispatch" in function.__dict__:
        yield "singledispatch"
        yield from _parts_of_registry(registry)
        return

    yield function.__code__
    yield function.__defaults__
    yield dict(sorted((function.__kwdefaults__ or {}).items()))
    yield function.__code__.co_freevars
    yield from function.__closure__ or ()
    yield from _annotations(function, function.__globals__)

    for name, value in sorted(function.__dict__.items()):
        yield name
        yield value

    if module_of(function) in own:
        yield from _parts_of_module(function, own)


def parts_of_members(members: Members, own: Container[str]) -> Iterator[object]:
    """Give what a function may ask of a module."""
    content = vars(members.module)

    for name in sorted(members.names):
        if name in content and name not in _NO_GLOBALS:
            yield name
            yield _global(content, name, Asked(members.names), own)


def parts_of_class(cls: type) -> Iterator[object]:
    """Give the parts of a class."""
    yield cls.__qualname__
    yield cls.__bases__

    if type(cls) is not type:
        yield type(cls)

    if isinstance(cls, enum.EnumMeta):
        yield from _parts_of_enum(cls)
        return

    if "__annotations__" in vars(cls):
        yield from _annotations(cls, vars(sys.modules.get(cls.__module__, enum)))

    yield from _registered(cls)

    for name, value in sorted(vars(cls).items()):
        if name not in _LEFT_OUT and value is not object.__init__:
            yield name
            yield value


def module_of(function: types.FunctionType) -> str:
    """Return the module where a function was defined, whatever it calls itself."""
    name = function.__globals__.get("__name__")
    return name if isinstance(name, str) else str(function.__module__)


def _parts_of_registry(registry: Mapping[Any, object]) -> Iterator[object]:
    """Give what ``functools.singledispatch`` picks from."""
    for kind in sorted(registry, key=lambda kind: (kind.__module__, kind.__qualname__)):
        yield kind
        yield registry[kind]


def _parts_of_module(
    function: types.FunctionType, own: Container[str]
) -> Iterator[object]:
    """Give what a function finds in its module, and what it imports."""
    asked = asked_by(function)
    content = function.__globals__

    for name in sorted(asked.names - _NO_GLOBALS):
        if name in content:
            yield name
            yield _global(content, name, asked, own)
            yield from _asked_of(content[name], asked.names)

    for text in asked.modules:
        if text in own:
            yield _members(sys.modules[text], asked, own)

    package = str(content.get("__package__") or content.get("__name__"))

    for imported in (*imports_of(function.__code__), *asked.imports):
        yield from map(Source, modules_of(imported, package))

    if asked.is_unknown:
        yield Unknown("an import of a name that is made when it runs")


def _asked_of(value: object, names: frozenset[str]) -> Iterator[object]:
    """Give what counts of a global value only where a function asks for it."""
    if names & _DOC and isinstance(value, types.FunctionType | type | types.ModuleType):
        yield value.__doc__

    if "__subclasses__" in names and isinstance(value, type):
        yield _by_name(type.__subclasses__(value))


def _global(
    content: dict[str, Any], name: str, asked: Asked, own: Container[str]
) -> object:
    value = content[name]

    if isinstance(value, types.ModuleType):
        return _members(value, asked, own)

    if isinstance(value, types.FunctionType | type | types.BuiltinFunctionType | CACHE):
        return value

    return Global(content, name)


def _members(module: types.ModuleType, asked: Asked, own: Container[str]) -> object:
    """Give what a function may ask of a module; of an installed one, what is patched."""
    content = vars(module)

    if module.__name__ in own:
        more = compared(content) if asked.is_by_text else ()
        return Members(module, asked.names.union(more, ("__getattr__",)))

    patched = {
        name
        for name in asked.names
        if isinstance(content.get(name), types.FunctionType | type)
        and content[name].__module__ in own
    }
    return Members(module, frozenset(patched)) if patched else module


def _annotations(value: object, content: Mapping[str, object]) -> Iterator[object]:
    try:
        annotations = dict(getattr(value, "__annotations__", None) or {})
    except Exception:  # they are looked up now, and some name is not there
        return

    if annotations:
        yield Hint(annotations)
        named = named_in_annotations(value, content)
        yield from (Hint(named[name]) for name in sorted(named))


def _parts_of_enum(cls: Any) -> Iterator[object]:
    """Give the members of an enum, and what is written beside them."""
    for name, member in cls.__members__.items():
        yield name
        yield member._name_
        yield member._value_

        for attribute, value in sorted(vars(member).items()):
            if attribute not in _OF_MEMBER:
                yield attribute
                yield value

    for name, value in sorted(vars(cls).items()):
        if name in cls.__members__ or name in _LEFT_OUT:
            continue

        if isinstance(value, _OF_ENUM) or name == _BOUNDARY or not _is_enums(name):
            yield name
            yield value


def _is_enums(name: str) -> bool:
    """Tell whether `enum` itself gives a class something of this name."""
    return name.startswith("_") and name.endswith("_")


def _registered(cls: type) -> Iterator[object]:
    """Give the classes that were registered as subclasses of an abstract one."""
    if isinstance(cls, abc.ABCMeta):
        for registered in _by_name(ref() for ref in abc._get_dump(cls)[0]):  # type: ignore[attr-defined]  # as cloudpickle does
            yield "registered"
            yield registered


def _by_name(classes: Iterable[Any]) -> list[Any]:
    known = {id(cls): cls for cls in classes if cls is not None}
    return sorted(known.values(), key=lambda cls: (cls.__module__, cls.__qualname__))


def name_of(value: object) -> str:
    """Return what something is called in a reason."""
    match value:
        case Global(module, name):
            return f"{module.get('__name__')}.{name}"
        case Members(module, _):
            return module.__name__
        case Source(name):
            return name

    name = getattr(value, "__qualname__", None) or type(value).__qualname__
    return f"{getattr(value, '__module__', None)}.{name}"


def module_name(value: object) -> str | None:
    """Return the name of the module in which something is found."""
    match value:
        case Global(module, _):
            name = module.get("__name__")
        case Members(module, _):
            name = module.__name__
        case Source(_):
            return None
        case types.FunctionType():
            name = value.__globals__.get("__name__")
        case _:
            name = getattr(value, "__module__", None)

    return name if isinstance(name, str) else None
