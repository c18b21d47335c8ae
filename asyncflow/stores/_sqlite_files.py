"""The files of an SQLite database: whether they are there still, and can be locked.

Whoever removes or replaces one takes what is written. The system goes on with a file that
has no name any more, and so does SQLite: only a look at the path tells.
"""

from __future__ import annotations

import errno
import fcntl
import os
import tempfile
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Self, TypeAlias

import attrs

from asyncflow.errors import StoreFailed, StoreUnavailable

Inode: TypeAlias = tuple[int, int]

REFUSALS = frozenset(
    {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL}
)
"""What a file system answers that gives no locks: SQLite takes that for a lock that is
held."""


@attrs.frozen(eq=False, repr=False)
class DatabaseFiles:
    """The files at some paths.

    :param store: how errors name the store
    """

    store: str
    known: Mapping[str, Inode]

    @classmethod
    def of(cls, store: str, paths: Iterable[str]) -> Self:
        """Look which files are there. Blocks."""
        found = {path: _inode(path) for path in paths}
        return cls(store, {path: one for path, one in found.items() if one})

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
