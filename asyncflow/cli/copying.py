"""A copy of a store, with the files of its values: all of it, or nothing is left."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Collection
from contextlib import suppress

import attrs

from asyncflow.cli.group import Failure
from asyncflow.cli.records import Reader, reader
from asyncflow.cli.value_files import Files
from asyncflow.errors import StoreFailed, ValueMissing
from asyncflow.stores._folder import make_private
from asyncflow.stores._reader import schema_version

_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
PART = ".part"
"""How the names of what is being copied end."""


@attrs.frozen
class Copied:
    """What became of the files of values."""

    files: int
    """How many were copied."""
    missing: list[str]
    """Those that the store names, and that are not there."""
    dropped: list[str]
    """Those that others have removed, with what named them, since the copy was begun."""


def copy_store(
    records: Reader, values: Files | None, target: str, folder: str
) -> Copied:
    """Copy a store, as it is at one moment, while others write. Blocks.

    :param target: the new file
    :param folder: the new folder of the values
    :raises Failure: where the store is damaged, or the copy cannot be written: nothing is
        left of it then
    """
    mark = f".{os.urandom(4).hex()}{PART}"
    file, beside = target + mark, folder + mark

    try:
        os.makedirs(os.path.dirname(os.path.abspath(target)), exist_ok=True)
        records.backup(file)
        is_older, names = _names(records, values, file)
        os.mkdir(beside, 0o700)
        gone = _copy_values(values, names, beside)
        os.rename(beside, folder)

        try:
            os.rename(file, target)
        except OSError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    except OSError as error:
        raise Failure(
            f"{target} is not written: {error.strerror or error}: free some space there, "
            "or name a file that you may write"
        ) from error
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED:
            raise _damaged(records, str(error)) from error

        raise Failure(
            f"{target} is not written ({error}): free some space there, or name another "
            "file"
        ) from error
    finally:
        _remove(file, beside)

    named = {*records.names("kept_names")} if gone and not is_older else set()
    missing = [name for name in gone if name in named]
    dropped = [name for name in gone if name not in named]
    return Copied(len(names) - len(gone), missing, dropped)


def _names(
    records: Reader, values: Files | None, file: str
) -> tuple[bool, Collection[str]]:
    """Return whether a copy of a database is of an older version, and the files that it
    names; of an older one all that are there.

    :raises Failure: where the copy is damaged
    """
    try:
        before, known = schema_version(file)

        with reader(file, allows_older=True) as copy:
            if found := copy.check():
                raise _damaged(records, found[0])

            if before == known:
                return False, copy.names("kept_names")
    except StoreFailed as error:
        raise _damaged(records, error.problem) from error

    return True, [*values.sizes()] if values else []


def _damaged(records: Reader, problem: str) -> Failure:
    """Make the error of a store that is not copied."""
    return Failure(
        f"the store {records.file} is damaged, and no copy is written: {problem}: bring an "
        "earlier backup back, or what `sqlite3 FILE .recover` can save"
    )


def _copy_values(
    values: Files | None, names: Collection[str], folder: str
) -> list[str]:
    """Copy files into a folder; return those that are not there."""
    if values is None:
        return [*names]

    gone = []

    for name in names:
        copy = os.path.join(folder, name)

        try:
            with values.here(values.path(name)) as file:
                make_private(copy)
                shutil.copyfile(file, copy)
        except (FileNotFoundError, ValueMissing):
            gone.append(name)

            with suppress(FileNotFoundError):
                os.unlink(copy)

    return gone


def _remove(file: str, folder: str) -> None:
    """Remove what is left of a copy."""
    for path in (file, *(f"{file}-{end}" for end in ("wal", "shm", "journal"))):
        with suppress(OSError):
            os.unlink(path)

    shutil.rmtree(folder, ignore_errors=True)
