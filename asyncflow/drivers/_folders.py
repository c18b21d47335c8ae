"""Folders that are replaced as a whole."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import sys
from contextlib import suppress

from asyncflow.worker.replacing import make_like, sync_folder

NO_EXCHANGE = frozenset({errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP})
"""What a file system says that cannot exchange two names."""

HERE = -100
"""That a path begins in the current directory (``AT_FDCWD``)."""

EXCHANGE = 2
"""``RENAME_EXCHANGE`` of Linux, and ``RENAME_SWAP`` of macOS."""


def put_folder_in_place(draft: str, path: str) -> None:
    """Rename a folder to the user's, in one step; the old one is where the draft was.

    Where the file system cannot exchange two names there is none for a moment.

    :raises OSError: where that cannot be; the old one is in its place
    """
    try:
        before = os.stat(path)
    except FileNotFoundError:
        os.rename(draft, path)
    else:
        make_like(draft, before)

        if not _exchange(draft, path):
            _take_turns(draft, path)

    sync_folder(os.path.dirname(path))


def _take_turns(draft: str, path: str) -> None:
    former = f"{draft}.former"
    os.rename(path, former)

    try:
        os.rename(draft, path)
    except BaseException:
        os.rename(former, path)
        raise

    os.rename(former, draft)


def _exchange(one: str, other: str) -> bool:
    """Exchange two names; tell whether the file system can."""
    library = ctypes.CDLL(None, use_errno=True)
    names = os.fsencode(one), os.fsencode(other)

    try:
        if sys.platform == "darwin":
            failed = library.renamex_np(*names, EXCHANGE)
        else:
            failed = library.renameat2(HERE, names[0], HERE, names[1], EXCHANGE)
    except AttributeError:  # an old system
        return False

    if failed and (code := ctypes.get_errno()) not in NO_EXCHANGE:
        raise OSError(code, os.strerror(code), other)

    return not failed


def link_all(folder: str, copy: str) -> None:
    """Make a folder of the same files: by links, so it takes no room."""
    shutil.copytree(folder, copy, copy_function=_link)


def _link(file: str, copy: str) -> None:
    with suppress(OSError):
        os.link(file, copy)
        return

    shutil.copy2(file, copy)  # there are no links on that file system


def sync_all(folder: str) -> None:
    """Have a folder with all that is in it outlive a power failure."""
    for each, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(each, name), "rb") as file:
                os.fsync(file.fileno())

        sync_folder(each)
