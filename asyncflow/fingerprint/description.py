"""Describing functions, classes and values: the same bytes for what does the same.

They are equal in each process and at each start where nothing has changed, so nothing of
them comes from an address, from the order of a set or from a pickle. What cannot be
described like that is named instead: whoever has it is never taken for unchanged.
"""

from __future__ import annotations

import copyreg
import enum
import hashlib
import io
import pickle
import sys
import types
from collections.abc import Container, Iterable, Iterator
from operator import attrgetter
from typing import Any

import attrs

from asyncflow.bytecode import PLAIN, parts_of_code, plain_bytes
from asyncflow.fingerprint.instances import (
    TYPING,
    held_by,
    parts_of_state,
    parts_of_typing,
)
from asyncflow.fingerprint.parts import (
    CACHE,
    Global,
    Hint,
    Members,
    Source,
    Unknown,
    name_of,
    parts_of_class,
    parts_of_function,
    parts_of_members,
)
from asyncflow.worker.local_modules import named

MAX_PARTS = 100_000
"""How many parts a value may have; of a larger one it is not known what it is."""

MAX_BYTES = 64 * 1024 * 1024
"""How many bytes of arrays and texts it may have."""

DEEPEST = 20
"""How deep sets may be in sets."""

_SINGLE = (type(Ellipsis), type(NotImplemented))
_UNBOUND = (
    types.WrapperDescriptorType,
    types.MethodDescriptorType,
    types.ClassMethodDescriptorType,
    types.GetSetDescriptorType,
    types.MemberDescriptorType,
)
_STATELESS = frozenset(
    {
        ("_thread", "lock"),
        ("_thread", "RLock"),
        ("_thread", "_local"),
        ("_abc", "_abc_data"),
    }
)
"""Types of which one is as good as another, as they are at a start."""


@attrs.define(eq=False)
class Description:
    """A function, a class or a global value, without those that it refers to."""

    name: str
    digest: bytes = b""
    refers_to: list[object] = attrs.field(factory=list)
    """In the order in which they are met."""
    unknown: str = ""
    """What cannot be described of it, and why: ``"a socket.socket"``."""


class Limit(Exception):
    """There is too much of it."""


def new_hash() -> hashlib.blake2b:
    """Return what everything is fed to."""
    return hashlib.blake2b(digest_size=16)


@attrs.define(eq=False, repr=False)
class Describer:
    """Writes one description.

    :param own: the names of the modules that are the user's
    """

    own: Container[str]
    description: Description
    depth: int = 0
    _open: dict[int, object] = attrs.field(factory=dict)
    """Those that a set is in, from the outermost."""
    _hash: hashlib.blake2b = attrs.field(init=False, factory=new_hash)
    _seen: dict[int, tuple[int, object]] = attrs.field(init=False, factory=dict)
    """For each thing that can be changed, which one it was; kept, so that its id is."""
    _parts: int = attrs.field(init=False, default=0)
    _bytes: int = attrs.field(init=False, default=0)

    def of(self, parts: Iterable[object]) -> bytes:
        """Describe parts, and return the digest of all of them."""
        stack = [iter(parts)]

        while stack:
            for part in stack[-1]:
                within = self._begin(part)

                if within is not None:
                    stack.append(within)
                    break
            else:
                stack.pop()
                self._hash.update(b")")

        return self._hash.digest()

    def of_object(self, value: object) -> bytes:
        """Describe a function, a class, or whatever has a description of its own."""
        if isinstance(value, types.FunctionType):
            return self.of(parts_of_function(value, self.own))

        if isinstance(value, type):
            return self.of(parts_of_class(value))

        if isinstance(value, CACHE):
            cached: Any = value
            return self.of(("cache", cached.cache_parameters(), cached.__wrapped__))

        if isinstance(value, Members):
            return self.of(parts_of_members(value, self.own))

        if isinstance(value, Global):
            return self.of((value.module[value.name],))

        return self.of((value,))

    def _begin(self, value: object) -> Iterator[object] | None:
        """Write a part; return what it consists of, where that is not all."""
        self._parts += 1

        if self._parts > MAX_PARTS:
            raise Limit(f"more than {MAX_PARTS:,} parts")

        kind = type(value)

        if kind in PLAIN:
            self._write(b"v", plain_bytes(value))
            return None

        if kind in (list, dict, set) and self._is_again(value):
            return None

        if kind is tuple or kind is list:
            return self._of_sequence(value)

        if isinstance(value, dict | types.MappingProxyType) and kind in (
            dict,
            types.MappingProxyType,
        ):
            return self._of_mapping(value)

        if kind in (set, frozenset):
            self._of_set(value)
            return None

        if isinstance(value, Global | Members | Source):
            self._refer(value)
            return None

        if isinstance(value, Unknown):
            self.description.unknown = value.what
            return None

        if isinstance(value, Hint):
            apart = self._apart(value.value, self._around())
            self._write(b"h", apart.digest)
            self.description.refers_to += apart.refers_to
            return None

        return self._of_code(value)

    def _of_code(self, value: object) -> Iterator[object] | None:
        """Write what is made of code; see `_begin`."""
        if isinstance(value, types.CodeType):
            return self._within("code", parts_of_code(value))

        if isinstance(value, types.FunctionType | type | CACHE):
            if self._is_elsewhere(value):
                self._name(value)
            else:
                self._refer(value)

            return None

        if isinstance(value, types.MethodType):
            return self._within("method", (value.__func__, value.__self__))

        if isinstance(value, staticmethod | classmethod):
            return self._within(type(value).__name__, (value.__func__,))

        if isinstance(value, property):
            return self._within("property", (value.fget, value.fset, value.fdel))

        if isinstance(value, types.BuiltinFunctionType | types.MethodWrapperType):
            return self._of_builtin(value)

        if isinstance(value, _UNBOUND):
            return self._within(value.__name__, (value.__objclass__,))

        if isinstance(value, types.ModuleType):
            self._write(b"m", value.__name__.encode())
            return None

        if isinstance(value, enum.Enum):
            return self._within("member", (type(value), value._name_, value._value_))

        if isinstance(value, types.CellType):
            return self._within("cell", _content(value))

        return self._of_type(value)

    def _of_type(self, value: object) -> Iterator[object] | None:
        """Write what is made of types; see `_begin`."""
        kind = type(value)

        if isinstance(value, types.GenericAlias):
            return self._within("generic", (value.__origin__, value.__args__))

        if isinstance(value, types.UnionType):
            return self._within("union", value.__args__)

        if kind.__module__ in TYPING:
            return self._within(kind.__name__, parts_of_typing(value))

        return self._of_instance(value)

    def _of_instance(self, value: object) -> Iterator[object] | None:
        kind = type(value)

        if kind in _SINGLE:
            self._write(b"v", repr(value).encode())
            return None

        if self._is_again(value):
            return None

        if (kind.__module__, kind.__name__) in _STATELESS:
            self._name(kind)
            return None

        if (held := held_by(value)) is not None:
            return self._within(kind.__name__, held)

        if isinstance(value, io.IOBase) and kind not in (io.StringIO, io.BytesIO):
            name, mode = getattr(value, "name", None), getattr(value, "mode", None)
            return self._within("file", (kind, repr(name), repr(mode)))

        if isinstance(value, bytearray | memoryview | pickle.PickleBuffer):
            self._of_buffer(value)
            return None

        size = getattr(value, "nbytes", None)

        if isinstance(size, int) and self._bytes + size > MAX_BYTES:
            raise Limit(f"more than {MAX_BYTES:,} bytes")

        return self._of_reduced(value)

    def _of_reduced(self, value: object) -> Iterator[object] | None:
        """Write how a value would be made again."""
        kind = type(value)

        try:
            reduce = copyreg.dispatch_table.get(kind)
            made: Any = reduce(value) if reduce else kind.__reduce_ex__(value, 5)

            if isinstance(made, str):
                return self._of_named(value, made)

            function, arguments, *more = made
            state, items, pairs = (*more, None, None, None)[:3]
            parts = (
                *(function, arguments, *parts_of_state(state, kind)),
                *(None if items is None else list(items),),
                *(None if pairs is None else list(pairs),),
            )
        except Exception:
            self._unknown(value)
            return None

        wrapped = getattr(value, "__wrapped__", None)
        return self._within("instance", (kind, *parts, wrapped))

    def _of_named(self, value: object, name: str) -> Iterator[object] | None:
        """Write a value that calls itself by a name of its module."""
        module = getattr(value, "__module__", None) or type(value).__module__

        if named(sys.modules.get(module), name) is not value:
            self._unknown(value)
            return None

        self._write(b"n", f"{module}.{name}".encode())
        return self._within("named", (type(value),))

    def _of_builtin(self, value: Any) -> Iterator[object] | None:
        itself = getattr(value, "__self__", None)

        if itself is None or isinstance(itself, types.ModuleType):
            self._name(value)
            return None

        return self._within("builtin", (value.__name__, itself))

    def _of_sequence(self, value: Any) -> Iterator[object] | None:
        if PLAIN.issuperset(map(type, value)):
            self._count(len(value))
            self._write(b"s", plain_bytes(value))
            return None

        return self._within(type(value).__name__, value)

    def _of_mapping(self, value: Any) -> Iterator[object] | None:
        if PLAIN.issuperset(map(type, value)) and PLAIN.issuperset(
            map(type, value.values())
        ):
            self._count(len(value))
            self._write(b"d", plain_bytes(dict(value)))
            return None

        return self._within("dict", (part for pair in value.items() for part in pair))

    def _of_set(self, value: Any) -> None:
        """Write the members of a set in the order of their digests."""
        if self.depth == DEEPEST:
            raise Limit(f"sets within sets, more than {DEEPEST} deep")

        tag = b"e" if type(value) is set else b"f"

        if PLAIN.issuperset(map(type, value)):
            self._count(len(value))
            self._write(tag, b"".join(sorted(map(plain_bytes, value))))
            return

        outer = self._around()
        apart = [self._apart(member, outer) for member in value]
        self._write(tag, b"".join(sorted([part.digest for part in apart])))

        for member in sorted(apart, key=attrgetter("digest")):
            self.description.refers_to += member.refers_to
            self.description.unknown = self.description.unknown or member.unknown

    def _around(self) -> dict[int, object]:
        """Return what a part that is described apart may be within."""
        return {**self._open, **{key: part for key, (_, part) in self._seen.items()}}

    def _apart(self, value: object, outer: dict[int, object]) -> Description:
        """Describe a value as if it were not part of another."""
        description = Description("")
        describer = Describer(self.own, description, self.depth + 1, outer)
        describer._parts, describer._bytes = self._parts, self._bytes
        description.digest = describer.of((value,))
        self._parts, self._bytes = describer._parts, describer._bytes
        return description

    def _of_buffer(self, value: bytearray | memoryview | pickle.PickleBuffer) -> None:
        raw = value.raw() if isinstance(value, pickle.PickleBuffer) else value

        with memoryview(raw) as view:
            self._write(b"b", view if view.c_contiguous else view.tobytes())

    def _is_again(self, value: object) -> bool:
        """Tell whether a thing that can change was met before; it is written then."""
        key = id(value)

        if key in self._open:
            self._write(b"o", b"")
            return True

        if key in self._seen:
            self._write(b"a", b"%d" % self._seen[key][0])
            return True

        self._seen[key] = len(self._seen), value
        return False

    def _is_elsewhere(self, value: Any) -> bool:
        """Tell whether a module that is not the user's has a thing under its name."""
        module, name = value.__module__, value.__qualname__
        return (
            isinstance(module, str)
            and module not in self.own
            and named(sys.modules.get(module), name) is value
        )

    def _refer(self, value: object) -> None:
        """Write that something is met here that has a description of its own."""
        name = name_of(value)

        if self.depth:  # the order of a set's members is no order
            self._write(b"r", name.encode())
        else:
            self._write(b"r", b"%d" % len(self.description.refers_to))

        self.description.refers_to.append(value)

    def _name(self, value: Any) -> None:
        self._write(b"n", f"{value.__module__}.{value.__qualname__}".encode())

    def _unknown(self, value: object) -> None:
        kind = type(value)
        self.description.unknown = f"a {kind.__module__}.{kind.__qualname__}"
        self._write(b"?", self.description.unknown.encode())

    def _within(self, kind: str, parts: Iterable[object]) -> Iterator[object]:
        self._write(b"(", kind.encode())
        return iter(parts)

    def _count(self, parts: int) -> None:
        self._parts += parts

    def _write(self, kind: bytes, data: bytes | memoryview) -> None:
        size = data.nbytes if isinstance(data, memoryview) else len(data)
        self._bytes += size

        if self._bytes > MAX_BYTES:
            raise Limit(f"more than {MAX_BYTES:,} bytes")

        self._hash.update(b"%s%d:" % (kind, size))
        self._hash.update(data)


def _content(cell: types.CellType) -> tuple[object, ...]:
    try:
        return (cell.cell_contents,)
    except ValueError:  # it is not filled yet
        return ()
