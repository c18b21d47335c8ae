"""What tells whether the modules of a job are on another host as they are on this one.

A pickled function names modules, and these import others. Of all that are the user's, or
of the package that the function is of, the submitter sends digests; on the host the files
that would be imported are compared with these. No module is loaded for it.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import pickletools
import socket
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from importlib.machinery import ModuleSpec
from typing import TypeAlias

from asyncflow.bytecode import compiled, imported_by
from asyncflow.errors import ModuleDiffers
from asyncflow.worker.codec import is_by_value
from asyncflow.worker.loaded import Facts, facts_of, file_of, is_installed, is_users

CodeSign: TypeAlias = tuple[str, str, bytes]
"""A module's name, its file where the job was submitted, and a digest of that."""


def signs_of(codes: Iterable[bytes]) -> dict[bytes, tuple[CodeSign, ...]]:
    """Return the signs of the modules that functions need, by the functions, pickled.

    Those that name the same modules share them. Blocks.
    """
    needs = {code: (_named_in(code), is_by_value(code)) for code in codes}
    signs = {need: _signs(*need) for need in {*needs.values()}}
    return {code: signs[need] for code, need in needs.items()}


def _signs(names: frozenset[str], by_value: bool) -> tuple[CodeSign, ...]:
    wanted = [*names]
    packages = set() if by_value else {*map(_top, names)}
    found: list[CodeSign] = []
    seen: set[str] = set()

    while wanted:
        name = wanted.pop()

        if name in seen or (file := _file(name)) is None:
            continue

        seen.add(name)

        if not (is_users(file) or (is_installed(file) and _top(name) in packages)):
            continue

        with suppress(OSError):  # it is gone: the host may have it
            facts = facts_of(file)
            found.append((name, file, _digest(file, facts)))
            wanted += _imported_by(name, file, facts)

    return tuple(sorted(found))


def first_difference(signs: Iterable[CodeSign]) -> ModuleDiffers | None:
    """Return what is wrong with the first module that is not here as it is there; None
    where all are. Blocks.
    """
    for name, file, digest in signs:
        here = _found(name)

        if here is None:
            importlib.invalidate_caches()  # it may have come just now
            here = _found(name)

        if here is None:
            return ModuleDiffers(name, file, socket.gethostname())

        with suppress(OSError):
            if here.endswith(".py") and _digest(here, facts_of(here)) != digest:
                return ModuleDiffers(name, file, socket.gethostname(), here)

    return None


@lru_cache(1024)
def _named_in(code: bytes) -> frozenset[str]:
    """Return the modules that a pickle names: any text that is the name of one."""
    texts = {argument for _, argument, _ in pickletools.genops(code)}
    return frozenset(
        text for text in texts if isinstance(text, str) and text in sys.modules
    )


@lru_cache(1024)
def _digest(file: str, facts: Facts) -> bytes:  # noqa: ARG001  # they tell its states apart
    with open(file, "rb") as opened:
        return hashlib.blake2b(opened.read(), digest_size=16).digest()


@lru_cache(1024)
def _imported_by(name: str, file: str, facts: Facts) -> tuple[str, ...]:  # noqa: ARG001  # the same
    """Return the modules that a module may import, and the packages that it is in."""
    with open(file, "rb") as opened:
        code = compiled(opened.read(), file)

    found = {name, *(() if code is None else imported_by(code, name, file))}
    return tuple({part for module in found for part in _with_parents(module)})


def _with_parents(name: str) -> Iterator[str]:
    while name:
        yield name
        name = name.rpartition(".")[0]


def _top(name: str) -> str:
    return name.partition(".")[0]


def _file(name: str) -> str | None:
    """Return the source file of a module; None where it has none, or travels itself."""
    cloudpickle = sys.modules.get("cloudpickle")
    by_value = cloudpickle.list_registry_pickle_by_value() if cloudpickle else ()

    if name == "__main__" or any(parent in by_value for parent in _with_parents(name)):
        return None

    module = sys.modules.get(name)
    file = _found(name) if module is None else file_of(module)
    return file if isinstance(file, str) and file.endswith(".py") else None


def _found(name: str) -> str | None:
    """Return the file that a module would be imported from; None where there is none."""
    path: Iterable[str] | None = None
    origin = ""

    for whole in reversed([*_with_parents(name)]):
        if (spec := _spec(whole, path)) is not None:
            path, origin = spec.submodule_search_locations, spec.origin or ""
        elif not (path := _folders(whole, path or ())):
            return None

    return origin


def _folders(name: str, path: Iterable[str]) -> list[str]:
    """Return the folders of a package without a file, of which `importlib` tells only once
    the package that it is in is loaded.
    """
    last = name.rpartition(".")[2]
    return [
        found for folder in path if os.path.isdir(found := os.path.join(folder, last))
    ]


def _spec(name: str, path: object) -> ModuleSpec | None:
    for finder in sys.meta_path:
        with suppress(Exception):  # of whatever kind somebody's finder has
            if (spec := finder.find_spec(name, path)) is not None:  # type: ignore[arg-type]  # as importlib gives it
                return spec

    return None
