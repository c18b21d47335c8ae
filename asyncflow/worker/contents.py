"""What a pickle holds, told in an order that is the same at each start.

The members of a set come in any order, and code says where it stands in its file. So the
pickles of equal values differ, and what is told of them here does not. Nothing is loaded
for this: what a pickle calls is noted, not called.
"""

from __future__ import annotations

import hashlib
import io
import marshal
import pickle
import types
from collections.abc import Collection, Iterable, Sequence
from itertools import chain
from typing import Any, ClassVar

MAX_PARTS = 200_000
"""How many parts a value may have."""

DEEPEST = 100
"""How deep they may be in each other."""

_PLAIN = frozenset({bool, int, float, complex, str, bytes, type(None)})
_CODE = "load_code"
_TRACKED = frozenset(
    {"_make_skeleton_class", "_make_skeleton_enum", "skeleton_enum", "local_class"}
)
"""What makes classes, and is given a random number before what is last."""

_OF_SCRIPT = frozenset({"main_class", "_main_class"})
"""What makes a class, and is given a mark after its name."""

_MAKERS = _TRACKED | _OF_SCRIPT
"""What makes classes, of which instances may follow."""

_SETTERS = frozenset(
    {"set_class", "_set_class", "_class_setstate", "fill_class", "set_local_class"}
)
"""What fills them."""

_LEFT_OUT = frozenset(
    {
        "__firstlineno__",
        "__static_attributes__",
        "__pydantic_complete__",  # made of the rest, with addresses in it
        "__pydantic_core_schema__",
        "__pydantic_fields_complete__",
        "__pydantic_serializer__",
        "__pydantic_validator__",
    }
)
"""What a class has that says where it stands, or is made when it is used."""


class Unsuited(Exception):
    """It cannot be told like this."""


def content_of(data: bytes) -> bytes:
    """Return the same bytes for the pickles of equal values.

    :raises Unsuited: where that cannot be told
    """
    try:
        names = _Names(io.BytesIO(data), buffers=(b"%d" % at for at in range(1 << 20)))
        return _Walk().whole(names.load())
    except Exception as error:
        raise Unsuited from error


class _Thing:
    """What a pickle names or makes, and what it does to it then."""

    said: ClassVar[tuple[Any, ...]]
    """Its module and name; or what was called for it, and with what."""
    log: ClassVar[list[Any]]
    names: ClassVar[_Names]

    def __new__(cls, *args: Any, **more: Any) -> Any:
        return cls.names.make(cls, args, more)

    def __call__(self, *args: Any, **more: Any) -> Any:
        return self.names.make(self, args, more)

    def __setstate__(self, state: object) -> None:
        self.log.append(("state", state))

    def __setitem__(self, key: object, value: object) -> None:
        self.log.append(("item", key, value))

    def append(self, value: object) -> None:
        self.log.append(("append", value))

    def extend(self, values: list[object]) -> None:
        self.log.extend(("append", value) for value in values)


class _Called(_Thing):
    """What a thing gives that is called, and is no class."""


class _Names(pickle.Unpickler):
    """Reads a pickle, and calls nothing of what it names."""

    def __init__(self, file: io.BytesIO, *, buffers: Iterable[bytes]) -> None:
        super().__init__(file, buffers=buffers)
        self._known: dict[tuple[str, str], type[_Thing]] = {}

    def find_class(self, module: str, name: str) -> Any:
        key = module, name

        if key not in self._known:
            self._known[key] = self._class(key)

        return self._known[key]

    def make(self, called: Any, args: tuple[Any, ...], more: dict[str, Any]) -> Any:
        """Note a call; return what stands for its result.

        What is called with a thing may change it, as what sets its state does.
        """
        name = None if _is_made(called) else called.said[1]

        if args and _is_made(args[0]):
            if name in _SETTERS:
                _leave_out(args[1])

            args[0].log.append((called, *args[1:], more))

        if name in _TRACKED:
            args = *args[:-2], *args[-1:]

        elif name in _OF_SCRIPT:
            args = args[0], *args[2:]

        if name in _MAKERS:
            return self._class((called, args, more))

        made: Any = object.__new__(called if isinstance(called, type) else _Called)
        made.said, made.log, made.names = (called, args, more), [], self
        return made

    def _class(self, said: tuple[Any, ...]) -> type[_Thing]:
        return type("_Named", (_Thing,), {"said": said, "log": [], "names": self})


class _Walk:
    """Tells the parts of a value, one after another.

    :param outer: what a set is in that this is a member of
    """

    def __init__(self, outer: _Walk | None = None) -> None:
        self._outer = outer
        self._told: list[bytes] = []
        self._seen: dict[int, int] = {}
        self._first: int = outer._next() if outer else 0
        self._parts: list[int] = outer._parts if outer else [0]
        self._depth: int = outer._depth if outer else 0

    def whole(self, value: Any) -> bytes:
        """Return what tells a value from others."""
        self._of(value)
        return b"".join(self._told)

    def _of(self, value: Any) -> None:
        kind = type(value)

        if kind in _PLAIN:
            self._plain(b"v", value)
            return

        self._depth += 1

        if self._depth > DEEPEST:
            raise Unsuited

        self._of_many(value, kind)
        self._depth -= 1

    def _of_many(self, value: Any, kind: type) -> None:
        if kind is tuple:
            self._sequence(b"t", value)
        elif kind in (set, frozenset):
            self._of_set(value, kind)
        elif kind is types.CodeType:
            self._sequence(b"code", _parts_of_code(value))
        elif not self._is_again(value):
            if kind is list:
                self._sequence(b"l", value)
            elif kind is dict:
                self._sequence(b"d", [*chain.from_iterable(value.items())])
            elif kind in (bytearray, memoryview):
                self._plain(kind.__name__.encode(), bytes(value))
            else:
                self._of_thing(value)

    def _of_thing(self, value: _Thing) -> None:
        if not _is_made(value):
            self._sequence(b"n", value.said)
            return

        called, args, more = value.said

        if called.said[1] == _CODE:
            self._told.append(b"c")
            self._of(marshal.loads(args[0]))  # noqa: S302  # from our own processes, as pickles are
            return

        form = b"m" if isinstance(value, type) else b"i"
        self._sequence(form, (called, args, *(more.items() if more else ())))
        self._sequence(b"g", value.log)

    def _of_set(self, value: Collection[Any], kind: type) -> None:
        if _PLAIN.issuperset(map(type, value)):
            plain = sorted(marshal.dumps(member, 2) for member in value)
            self._plain(kind.__name__.encode() + b"v", tuple(plain))
            return

        members = sorted(map(_digest, map(self._member, value)))
        self._told.append(b"%s%d:" % (kind.__name__.encode(), len(members)))
        self._told += members

    def _member(self, value: Any) -> bytes:
        """Tell a member of a set as if it were the only one."""
        return _Walk(self).whole(value)

    def _sequence(self, kind: bytes, parts: Sequence[Any]) -> None:
        if _PLAIN.issuperset(map(type, parts)):
            self._plain(kind + b"v", (*parts,))
            return

        self._told.append(b"%s%d:" % (kind, len(parts)))

        for part in parts:
            self._of(part)

    def _plain(self, kind: bytes, value: Any) -> None:
        self._parts[0] += len(value) if type(value) is tuple else 1

        if self._parts[0] > MAX_PARTS:
            raise Unsuited

        data = marshal.dumps(value, 2)
        self._told.append(b"%s%d:" % (kind, len(data)))
        self._told.append(data)

    def _is_again(self, value: object) -> bool:
        """Tell what was met before by its number; number what was not."""
        at: _Walk | None = self

        while at is not None:
            if (number := at._seen.get(id(value))) is not None:
                self._told.append(b"a%d:" % number)
                return True

            at = at._outer

        self._seen[id(value)] = self._next()
        return False

    def _next(self) -> int:
        return self._first + len(self._seen)


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=16).digest()


def _parts_of_code(code: types.CodeType) -> tuple[object, ...]:
    """Give what byte code does, without where it stands."""
    return (
        code.co_code,
        code.co_consts,
        code.co_names,
        code.co_varnames,
        code.co_freevars,
        code.co_cellvars,
        code.co_exceptiontable,
        code.co_flags,
        code.co_qualname,
        code.co_argcount,
        code.co_posonlyargcount,
        code.co_kwonlyargcount,
    )


def _leave_out(state: Any) -> None:
    """Remove from the state of a class what says nothing of it."""
    while isinstance(state, tuple) and state:
        state = state[0]

    if isinstance(state, dict):
        for name in _LEFT_OUT & state.keys():
            del state[name]


def _is_made(value: Any) -> bool:
    """Tell whether a pickle has made something, and not only named it."""
    is_thing = isinstance(value, _Thing) or (
        isinstance(value, type) and issubclass(value, _Thing)
    )
    return is_thing and not isinstance(value.said[0], str)
