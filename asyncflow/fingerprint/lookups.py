"""What a function looks up by a text: attributes of modules, globals, imports."""

from __future__ import annotations

import re
import sys
import types
from collections.abc import Iterator, Mapping

import attrs

from asyncflow.bytecode import Imported, names_of, texts_of

_ATTRIBUTES = frozenset(
    {"__dict__", "attrgetter", "eval", "exec", "getattr", "getmembers", "vars"}
)
_GLOBALS = frozenset({"eval", "exec", "globals"})
_IMPORTS = frozenset({"__import__", "import_module"})
_NAME = re.compile(r"(\.*)([^\W\d]\w*(?:\.[^\W\d]\w*)*)")
_CODE = (types.FunctionType, type)
_PLAIN = (int, float, complex, str, bytes)
_CONTAINERS = (list, tuple, dict, set, frozenset)


@attrs.frozen
class Asked:
    """What a function may look up."""

    names: frozenset[str]
    is_by_text: bool = False
    """Whether it may ask modules for names that are not written in it."""
    modules: tuple[str, ...] = ()
    """Modules that it may look up in ``sys.modules``."""
    imports: tuple[Imported, ...] = ()
    """What it imports by a text."""
    is_unknown: bool = False
    """Whether it imports something, and nothing in it says what."""


def asked_by(function: types.FunctionType) -> Asked:
    """Tell what a function may look up."""
    code = function.__code__
    names = frozenset(names_of(code))
    content = function.__globals__

    if names.isdisjoint(_ATTRIBUTES | _GLOBALS | _IMPORTS | {"modules"}):
        return Asked(names)

    texts = {*texts_of(code), *_globals(names, content)}
    modules = [text for text in texts if text in sys.modules]
    imports = sorted(_imports(texts)) if names & _IMPORTS else []

    if names & _GLOBALS or "__name__" in names:
        names |= texts | compared(content, ())

    return Asked(
        names,
        is_by_text=bool(names & _ATTRIBUTES) or "modules" in names,
        modules=tuple(sorted(modules)) if "modules" in names else (),
        imports=tuple(imports),
        is_unknown=bool(names & _IMPORTS) and not imports,
    )


def compared(
    content: Mapping[str, object], more: tuple[type, ...] = _CONTAINERS
) -> frozenset[str]:
    """Return the names of what a module defines, and an edit may change.

    :param more: the types of values that count beside the plain ones
    """
    shown = (*_CODE, *_PLAIN, *more)
    return frozenset(
        name
        for name, value in content.items()
        if isinstance(value, shown) and not name.startswith("_")
    )


def _globals(names: frozenset[str], content: Mapping[str, object]) -> Iterator[str]:
    """Give the texts that a function finds in its module."""
    for name in names:
        if isinstance(value := content.get(name), str):
            yield value


def _imports(texts: set[str]) -> Iterator[Imported]:
    for text in texts:
        if found := _NAME.fullmatch(text):
            yield Imported(found[2], len(found[1]), ())
