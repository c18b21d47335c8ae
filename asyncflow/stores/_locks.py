"""Whether a file system has locks: SQLite takes one that it refuses for one that is held."""

from __future__ import annotations

import errno
import fcntl
import os
import tempfile

from asyncflow.errors import StoreUnavailable

REFUSALS = frozenset(
    {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL}
)


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
