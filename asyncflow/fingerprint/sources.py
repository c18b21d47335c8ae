"""Modules that functions import when they run: what they do is in their files.

They need not be loaded when a task is submitted, and are not loaded for this; and where
they are, that must not make a difference.
"""

from __future__ import annotations

import sys
from collections.abc import MutableMapping

from asyncflow.bytecode import compiled, imported_by
from asyncflow.fingerprint.description import Describer, Description, new_hash
from asyncflow.fingerprint.own_modules import (
    AllModules,
    is_ours,
    is_own_file,
    source_of,
)
from asyncflow.fingerprint.parts import Source
from asyncflow.worker.loaded import facts_of, text_of

_elsewhere: set[str] = set()
"""The modules that are not the user's."""

_known: dict[tuple[object, ...], tuple[bytes, tuple[Source, ...]]] = {}
"""For files, as they were: their digests, and what they import."""

KEPT = 4096
"""Of how many files that is remembered: of all that a large program has, as the modules
that one imports are gone through again and again in the same order.
"""


def describe_source(description: Description, source: Source) -> None:
    """Describe a module of the user's by its file. Blocks for a moment."""
    name = source.name

    if name in _elsewhere or is_ours(name):
        return

    path = source_of(name)

    if path is None:
        return

    if not is_own_file(path):
        _elsewhere.add(name)
        return

    try:
        key = path, name, facts_of(path)

        if key not in _known:
            while len(_known) >= KEPT:
                del _known[next(iter(_known))]

            _known[key] = _of_file(path, name)
    except OSError as error:
        description.unknown = f"a file that cannot be read ({error.strerror})"
    else:
        description.digest, imported = _known[key]
        description.refers_to.extend(imported)


def imports_any(name: str, known: MutableMapping[str, bool]) -> bool:
    """Tell whether a module, or one that it imports, imports any of some modules.

    :param known: the answers so far; true for those modules. That for this one is added
    """
    seen = {name}
    waiting = [name]

    while waiting:
        description = Description(name)
        describe_source(description, Source(waiting.pop()))
        names = {
            other.name for other in description.refers_to if isinstance(other, Source)
        }

        if any(map(known.get, names)):
            known[name] = True
            return True

        waiting += names - seen - known.keys()
        seen |= names

    known.update(dict.fromkeys(seen, False))
    return False


def _of_file(path: str, name: str) -> tuple[bytes, tuple[Source, ...]]:
    _, text = text_of(path, sys.maxsize)
    assert text is not None
    code = compiled(text, path) if path.endswith(".py") else None
    whole = new_hash()
    whole.update(f"{name}\0".encode())

    if code is None:
        whole.update(text)
        return whole.digest(), ()

    whole.update(Describer(AllModules(), Description(name)).of((code,)))
    return whole.digest(), tuple(map(Source, imported_by(code, name, path)))
