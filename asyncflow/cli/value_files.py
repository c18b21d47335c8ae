"""The files of large values, beside what the store has of them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import TYPE_CHECKING, Any, Protocol

import attrs
import click

from asyncflow.cli.records import F, Reader
from asyncflow.values.lost import lost, sizes_in

if TYPE_CHECKING:
    from asyncflow.config import Configuration

TOLD_BY = ("ASYNCFLOW_VALUES", "ASYNCFLOW_CONFIG", "TAIPY_CONFIG_PATH")
"""The environment variables that may say where values are."""


class Files(Protocol):
    """The files of a store's values; see `asyncflow.values.files.ValueFiles`."""

    def path(self, name: str) -> str: ...

    def sizes(self) -> dict[str, int]: ...

    def here(self, path: str) -> AbstractContextManager[str]: ...

    def remove(self, paths: Iterable[str]) -> None: ...


@attrs.frozen
class FolderFiles:
    """Those of one folder: what is asked most is answered without loading more."""

    folder: str

    def path(self, name: str) -> str:
        return os.path.join(self.folder, name)

    def sizes(self) -> dict[str, int]:
        return sizes_in(self.folder)

    def here(self, path: str) -> AbstractContextManager[str]:
        return nullcontext(path)

    def remove(self, paths: Iterable[str]) -> None:
        for path in paths:
            with suppress(FileNotFoundError):
                os.unlink(path)


def values_options(command: F) -> F:
    """Add ``--values`` and ``--module`` to a command: see `files_of`."""
    values = click.option(
        "--values",
        metavar="ADDRESS",
        help="Where large values are, if that is not beside the store: s3://..., a folder."
        "  [default: $ASYNCFLOW_VALUES, or what MODULE or $ASYNCFLOW_CONFIG says]",
    )
    module = click.option(
        "-m",
        "--module",
        metavar="MODULE",
        help="The module (or file) that declares that, and its options, by configure_core.",
    )
    return values(module(command))


def declared(module: str | None) -> Configuration:
    """Return what a module declares; where none is given, what files do."""
    if module:
        from asyncflow.cli.code import load

        return load(module)[0].config

    from asyncflow.config import Configuration

    return Configuration()


def files_of(
    store: Reader, given: Mapping[str, Any], *, is_own: bool = False
) -> Files | None:
    """Return the files of a store's values, here and at an address; None for none.

    :param given: the options of the command
    :param is_own: whether some are to be removed: not from a folder that another store may
        have
    """
    folder = store.values_folder(is_own=is_own)
    values, module = given["values"], given["module"]

    if not (values or module or any(map(os.environ.get, TOLD_BY))):
        return FolderFiles(folder) if folder else None

    from asyncflow.runtime.values_place import files_at

    return files_at(folder, values, None, declared(module))


def missing(store: Reader, files: Files | None) -> list[str]:
    """Return the files that the store names, and that are not there."""
    if files is None:
        return sorted(store.names("kept_names"))

    known = files.sizes()
    names = [name for name in store.names("kept_names") if name not in known]
    return sorted(map(files.path, names))


def orphans(store: Reader, files: Files | None) -> dict[str, int]:
    """Return the files that processes which were killed have left, and nobody needs, with
    their bytes.

    The files are listed first: who makes one is registered by then, and what it was made
    for is in the store once its maker is not.
    """
    if files is None:
        return {}

    sizes = files.sizes()
    dead = {*store.names("makers")} - {*store.names("orchestrators")}
    kept = {*store.names("kept_names")}
    return {files.path(name): sizes[name] for name in lost(sizes, dead, kept)}
