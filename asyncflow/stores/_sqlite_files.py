"""The files of an SQLite database: whether they are there still, and can be locked; and
the folder of its values, which is beside them.

Whoever removes or replaces one takes what is written. The system goes on with a file that
has no name any more, and so does SQLite: only a look at the path tells.
"""

from __future__ import annotations

import errno
import fcntl
import os
import sqlite3
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import closing
from itertools import islice
from typing import Self, TypeAlias

from asyncflow.errors import StoreFailed, StoreUnavailable
from asyncflow.stores._folder import Access
from asyncflow.stores._sql import statement
from asyncflow.stores._values_folder import Mark, ValuesFolder

Inode: TypeAlias = tuple[int, int]

REFUSALS = frozenset(
    {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL}
)
"""What a file system answers that gives no locks: SQLite takes that for a lock that is
held."""


class DatabaseFiles:
    """The files at some paths.

    :param store: how errors name the store
    """

    def __init__(self, store: str, known: Mapping[str, Inode]) -> None:
        self.store = store
        self.known = known

    @classmethod
    def of(cls, store: str, paths: Iterable[str]) -> Self:
        """Look which files are there. Blocks."""
        found = {path: _inode(path) for path in paths}
        return cls(store, {path: mark for path, mark in found.items() if mark})

    def check(self, count: int) -> None:
        """See whether they are there still. Blocks, for some microseconds each.

        :param count: how many of them, from the first

        :raises StoreFailed: where one is not
        """
        for path, inode in islice(self.known.items(), count):
            try:
                found = _inode(path)
            except OSError:  # it cannot be seen: that says nothing
                continue

            if found == inode:
                continue

            what = "removed" if found is None else "replaced by another file"
            raise StoreFailed(
                self.store,
                f"{path} was {what} while it was open, so what was written since is lost",
                "open the store anew, and leave its files alone as long as it is open",
            )


def _inode(path: str) -> Inode | None:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    except NotADirectoryError:  # its folder was replaced by a file
        return None

    return found.st_dev, found.st_ino


def check_locks(file: str) -> None:
    """See whether files beside a file can be locked. Blocks.

    :raises StoreUnavailable: where they cannot
    """
    try:
        with tempfile.TemporaryFile(dir=os.path.dirname(file)) as beside:
            fcntl.lockf(beside, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in REFUSALS:
            raise StoreUnavailable(
                file,
                f"its file system gives no locks ({error})",
                "give a path on a local disk; on NFS, see to its lock daemon",
            ) from error


def values_folder(access: Access, file: str) -> ValuesFolder:
    """Say where the values of a file are.

    :param file: its real path
    """
    return FolderBeside(access=access, first=f"{_stem(file)}.values", database=file)


class FolderBeside(ValuesFolder):
    """The folder beside a file. ``runs`` and ``runs.db`` begin with one name: the one
    that comes second gets a name with its id.
    """

    def place_of(self, store_id: str) -> str:
        return f"{_stem(self.database)}.{store_id[:12]}.values"

    def is_there(self, mark: Mark) -> bool:
        """Tell whether the database that a mark names is there, and is not this file.

        It may have been moved with its folder, or be seen by another path in a
        container.
        """
        file = self.database
        beside = os.path.join(os.path.dirname(file), os.path.basename(mark.database))
        return any(
            os.path.exists(path)
            and not os.path.samefile(path, file)
            and _id_of(path) in (mark.store, None)
            for path in (mark.database, beside)
        )


def _stem(file: str) -> str:
    return file.removesuffix(".db")


def _id_of(path: str) -> str | None:
    """Return the id of a store, or None where that cannot be read."""
    query = statement(("sqlite.sql",), "store_id")

    try:
        # What SQLite reads in such a path is no more than these three.
        quoted = path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
        uri = f"file:{quoted}?mode=ro"

        with closing(sqlite3.connect(uri, uri=True)) as other:
            (found,) = other.execute(query).fetchone()
            return str(found)
    except (sqlite3.Error, TypeError):
        return None
