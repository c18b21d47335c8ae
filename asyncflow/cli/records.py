"""The store, for commands that only look."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, Protocol, Self, TypeVar

import click

from asyncflow.alternatives import READERS, STORES
from asyncflow.options import Page
from asyncflow.stores._address import kind_of

VARIABLE = "ASYNCFLOW_STORE"
DEFAULT = os.path.join(".asyncflow", "asyncflow.db")

F = TypeVar("F", bound=Callable[..., Any])


class Reader(Protocol):
    """What reads a store without opening it; see `asyncflow.stores._reader`."""

    file: str

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def find(self, record_id: str) -> Any: ...

    def starting(self, table: str, prefix: str, limit: int) -> list[str]: ...

    def listed(
        self, table: str, filters: Mapping[str, Any], sort: str, page: Page
    ) -> list[Any]: ...

    def log(self, job_id: str) -> Any: ...

    def versions(self, node_id: str) -> list[Any]: ...

    def data_nodes(self, owner_id: str) -> list[Any]: ...

    def facts(self, name: str, ids: Any) -> list[Any]: ...

    def duration(self, config_id: str) -> float | None: ...

    def check(self) -> list[str]: ...

    def sizes(self) -> dict[str, int]: ...

    def names(self, what: str) -> list[str]: ...

    def prunable(
        self, finished_before: float | None, keep: int | None, has_log: bool
    ) -> list[str]: ...

    def values_folder(self, *, is_own: bool = False) -> str | None: ...

    def backup(self, path: str) -> None: ...


def store_option(command: F) -> F:
    """Add ``--store`` to a command."""
    add = click.option(
        "--store",
        metavar="ADDRESS",
        help="Where records are: a file, postgresql://...  "
        f"[default: ${VARIABLE}, or {DEFAULT}]",
    )
    return add(command)


def address_of(store: str | None) -> str:
    """Return the address of the store that is meant.

    :param store: as it was given to a command; None for nothing
    """
    return store or os.environ.get(VARIABLE, "").strip() or DEFAULT


def reader(store: str | None, *, allows_older: bool = False) -> Reader:
    """Open a store to read it.

    :param store: as it was given to a command; None for nothing
    :param allows_older: whether it may be of an older version, to be copied
    :raises StoreFailed: where there is none
    :raises UsageError: where it is the address of something else
    """
    address = address_of(store)
    told_by = "--store" if store else f"the environment variable {VARIABLE}"
    kind = kind_of(address, told_by, STORES.is_known)

    if kind != "sqlite" and not READERS.is_known(kind):
        from asyncflow.cli.any_store import AnyReader

        return AnyReader(address)

    file = os.path.expanduser(address)
    made: Reader = READERS.load(kind)(file, allows_older=allows_older)
    return made
