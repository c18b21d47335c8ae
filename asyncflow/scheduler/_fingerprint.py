"""What a function does, as a short text: another text if it may do something else.

It covers the byte code, the constants, the defaults, what the function closes over, the
globals that it names and, in the same way, the functions and classes of its own module.
What is imported from elsewhere counts by its name. Comments, docstrings of other
functions, line numbers and file names do not count.
"""

from __future__ import annotations

import functools
import sys
import types
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import attrs

from asyncflow.errors import NotPicklable
from asyncflow.worker.codec import dumps

if TYPE_CHECKING:
    import hashlib

_SKIPPED = frozenset({"__dict__", "__weakref__", "__module__", "__doc__"})
_NUMBERS = frozenset({"__firstlineno__", "__static_attributes__"})


def fingerprint(function: Callable[..., object]) -> str:
    """Return the fingerprint of a function, or of any other callable."""
    writer = _Writer(getattr(function, "__module__", None))
    writer.add(function)
    return writer.hash.hexdigest()


def _new_hash() -> hashlib.blake2b:
    import hashlib

    return hashlib.blake2b(sys.version.encode(), digest_size=16)


@attrs.define(eq=False, repr=False)
class _Writer:
    """Feeds the parts of a function to a hash, each once."""

    module: str | None
    """The module whose functions and classes count by what they do."""
    hash: hashlib.blake2b = attrs.field(init=False, factory=_new_hash)
    _seen: dict[int, object] = attrs.field(init=False, factory=dict)

    def add(self, value: object) -> None:
        if id(value) in self._seen:
            self.text("again")
            return

        if isinstance(value, types.FunctionType | type | types.CodeType):
            self._seen[id(value)] = value  # also keeps the id from being used again

        match value:
            case types.CodeType():
                self.all("code", _parts_of_code(value))
            case types.FunctionType() if self.is_own(value):
                self.all("function", _parts_of_function(value))
            case type() if self.is_own(value):
                self.all("class", _parts_of_class(value))
            case types.MethodType():
                self.all("method", (value.__func__, value.__self__))
            case functools.partial():
                self.all("partial", (value.func, value.args, value.keywords))
            case staticmethod() | classmethod():
                self.all(type(value).__name__, (value.__func__,))
            case property():
                self.all("property", (value.fget, value.fset, value.fdel))
            case types.ModuleType():
                self.text("module", value.__name__)
            case tuple() | list():
                self.all(type(value).__name__, value)
            case dict():
                self.all("dict", (part for item in value.items() for part in item))
            case set() | frozenset():
                self.all("set", sorted(value, key=repr))
            case _:
                self.other(value)

    def other(self, value: object) -> None:
        """Add a value by its pickle, or by its name where it has none."""
        kind = type(value)

        if self.is_own(kind):
            self.add(kind)

        name = getattr(value, "__qualname__", None)

        if isinstance(name, str):
            self.text("name", str(getattr(value, "__module__", "")), name)
            return

        try:
            self.text("value", kind.__qualname__)
            self.hash.update(dumps(value))
        except NotPicklable:
            self.text("something")

    def all(self, kind: str, parts: Iterable[object]) -> None:
        self.text(kind)

        for part in parts:
            self.add(part)

        self.text("end")

    def text(self, *words: str) -> None:
        self.hash.update("\0".join(words).encode() + b"\1")

    def is_own(self, value: types.FunctionType | type) -> bool:
        return self.module is not None and value.__module__ == self.module


def _parts_of_code(code: types.CodeType) -> Iterator[object]:
    yield code.co_code
    yield code.co_names
    yield code.co_varnames
    yield code.co_freevars
    yield code.co_consts


def _parts_of_function(function: types.FunctionType) -> Iterator[object]:
    yield function.__qualname__
    yield function.__code__
    yield function.__defaults__
    yield function.__kwdefaults__

    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:
            yield "empty"

    for name in sorted(_names(function.__code__)):
        if name in function.__globals__:
            yield name
            yield function.__globals__[name]


def _names(code: types.CodeType) -> set[str]:
    """Return the names that a function, and those inside it, may look up."""
    names = set(code.co_names)

    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            names |= _names(const)

    return names


def _parts_of_class(cls: type) -> Iterator[object]:
    yield cls.__qualname__
    yield cls.__bases__

    for name, value in sorted(vars(cls).items()):
        if name not in _SKIPPED and name not in _NUMBERS:
            yield name
            yield value
