"""Byte code: what it does, without where it stands, and what it imports."""

# No annotations as texts: each would be compiled again, for a field of a NamedTuple.

import marshal
import os
import sys
import types
from collections.abc import Iterator
from itertools import pairwise
from opcode import hasconst, opmap
from typing import Any, NamedTuple

_IS_FUNCTION = 0x3
"""The flags that byte code of functions has, and that of classes and modules has not."""

_HAS_DOCSTRING = 0x4000000
"""A flag of CPython 3.14, which says what a docstring changes."""

_PLACES = ("__firstlineno__", "__static_attributes__")
"""What a class body keeps about its source (CPython 3.13): the second in any order."""

_LOADS = frozenset(
    opmap[name] for name in ("LOAD_CONST", "LOAD_SMALL_INT") if name in opmap
)

_CONST = frozenset(op for op in hasconst if op < 256)  # others are never in a code
"""The operations whose argument is the place of a constant."""


class Imported(NamedTuple):
    """A statement that imports."""

    name: str
    level: int
    """How many dots are before the name."""
    members: tuple[str, ...]
    """What it takes of the module."""


def parts_of_code(code: types.CodeType) -> Iterator[object]:
    """Give what byte code does. Docstrings do not count, unless it asks for one."""
    text, consts = _without_places(code)

    # It may be one and the same constant as a text that the code uses.
    if (
        _has_docstring(code)
        and "__doc__" not in code.co_names
        and not _loads_first(code)
    ):
        consts[0] = "left out"

    yield text
    yield code.co_names
    yield code.co_varnames
    yield code.co_freevars
    yield code.co_cellvars
    yield code.co_exceptiontable
    yield code.co_flags & ~_HAS_DOCSTRING
    yield (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount)
    yield tuple(consts)


def names_of(code: types.CodeType) -> set[str]:
    """Return the names that byte code, and that inside it, may look up."""
    names = set(code.co_names)

    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            names |= names_of(const)

    return names


def texts_of(code: types.CodeType) -> set[str]:
    """Return the texts among the constants of byte code, and of that inside it."""
    texts = set()
    waiting: list[object] = [*code.co_consts]

    while waiting:
        const = waiting.pop()

        if isinstance(const, str):
            texts.add(const)
        elif isinstance(const, tuple | frozenset):
            waiting.extend(const)
        elif isinstance(const, types.CodeType):
            waiting.extend(const.co_consts)

    return texts


def imports_of(code: types.CodeType) -> Iterator[Imported]:
    """Give the imports of byte code, and of that inside it."""
    if opmap["IMPORT_NAME"] in code.co_code[::2]:
        last: list[object] = [0, None]

        for op, argument in _instructions(code.co_code):
            if op in _LOADS:
                is_const = op == opmap["LOAD_CONST"]
                value = code.co_consts[argument] if is_const else argument
                last = [last[1], value]
            elif op == opmap["IMPORT_NAME"]:
                level, members = last
                yield Imported(
                    code.co_names[argument],
                    level if isinstance(level, int) else 0,
                    members if isinstance(members, tuple) else (),
                )

    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            yield from imports_of(const)


def modules_of(imported: Imported, package: str) -> Iterator[str]:
    """Give the modules that a statement may import, but those of Python.

    :param package: that of the module where it stands
    """
    base = imported.name

    if imported.level:
        parents = package.split(".")
        base = ".".join(
            filter(None, [*parents[: len(parents) - imported.level + 1], base])
        )

    if base.partition(".")[0] not in sys.stdlib_module_names:
        yield base
        yield from (f"{base}.{name}" for name in imported.members)


def imported_by(code: types.CodeType, name: str, path: str) -> Iterator[str]:
    """Give the modules that a module may import, but those of Python.

    :param code: that of the module
    :param path: its file
    """
    is_package = os.path.basename(path) == "__init__.py"
    package = name if is_package else name.rpartition(".")[0]

    for imported in imports_of(code):
        yield from modules_of(imported, package)


def compiled(source: bytes, path: str) -> types.CodeType | None:
    """Compile a module; None where that cannot be done."""
    try:
        return compile(source, path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return None


def plain_bytes(value: Any) -> bytes:
    """Write a plain value, or a flat container of such."""
    return marshal.dumps(value, 2)


PLAIN = frozenset({bool, int, float, complex, str, bytes, type(None)})


def _has_docstring(code: types.CodeType) -> bool:
    """Tell whether the first constant is, or would be, the docstring."""
    return (
        code.co_flags & _IS_FUNCTION == _IS_FUNCTION
        and not code.co_name.startswith("<")
        and bool(code.co_consts)
        and isinstance(code.co_consts[0], str)
        and _says_docstring(code)
    )


def _says_docstring(code: types.CodeType) -> bool:
    return sys.version_info < (3, 14) or bool(code.co_flags & _HAS_DOCSTRING)


def _loads_first(code: types.CodeType) -> bool:
    """Tell whether byte code uses its first constant."""
    operations, arguments = code.co_code[::2], code.co_code[1::2]

    for op in _CONST:
        at = operations.find(op)

        while at >= 0:
            if not arguments[at] and operations[at - 1] != opmap["EXTENDED_ARG"]:
                return True

            at = operations.find(op, at + 1)

    return False


def _without_places(code: types.CodeType) -> tuple[object, list[object]]:
    """Return byte code and its constants without what a class body says of its source.

    A line number may be one and the same constant as another number: those that count
    are numbered anew, in the order of their use.
    """
    stores = {code.co_names.index(name) for name in _PLACES if name in code.co_names}

    if not stores or code.co_flags & _IS_FUNCTION:
        return code.co_code, [*code.co_consts]

    steps = [*_instructions(code.co_code), (0, 0)]
    text: list[int] = []
    consts: list[object] = []
    places: dict[int, int] = {}

    for (op, argument), (after, stored) in pairwise(steps):
        if op == opmap["EXTENDED_ARG"]:
            continue

        if op in _LOADS and after == opmap["STORE_NAME"] and stored in stores:
            text.append(-1)
            continue

        if op in _CONST:
            if argument not in places:
                places[argument] = len(consts)
                consts.append(code.co_consts[argument])

            text += (op, places[argument])
        else:
            text += (op, argument)

    return tuple(text), consts


def _instructions(text: bytes) -> Iterator[tuple[int, int]]:
    """Give operations with their arguments, `EXTENDED_ARG` among them."""
    more = 0

    for op, last in zip(text[::2], text[1::2], strict=True):
        argument = last | more
        more = argument << 8 if op == opmap["EXTENDED_ARG"] else 0
        yield op, argument
