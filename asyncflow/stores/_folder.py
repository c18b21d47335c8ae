"""The folders and files of a store, and who may reach them: this user alone."""

from __future__ import annotations

import errno
import os
import pwd
import stat
import tempfile
from collections.abc import Sequence
from contextlib import suppress

from asyncflow.errors import StoreFailed
from asyncflow.log import logger as _logger

OURS = ".asyncflow"
"""What a folder is called that is there for asyncflow alone."""

IGNORE = "# Made by asyncflow: what is here belongs to nobody's repository.\n*\n"

OTHERS = stat.S_IRWXG | stat.S_IRWXO


class Access:
    """Makes what a store is kept in, for this user alone, and looks whose it is.

    All methods block.

    :param store: how errors name the store
    :param trusts_owner: take also what another user owns, and leave each mode as it is
    """

    def __init__(self, *, store: str, trusts_owner: bool = False) -> None:
        self.store = store
        self.trusts_owner = trusts_owner

    def make_folder(self, path: str) -> None:
        """Make a folder, where it is missing.

        A new one that is asyncflow's own is kept out of version control. One that was
        there for others as well stays as it is.

        :raises StoreFailed: where it cannot be made, or is asyncflow's and another user's
        """
        is_ours = os.path.basename(path) == OURS

        try:
            if _make(path) and is_ours:
                _ignore(path)
        except OSError as error:
            raise StoreFailed(
                self.store,
                f"its folder cannot be made ({error})",
                "free some space there, or give a path on another disk"
                if error.errno in (errno.ENOSPC, errno.EDQUOT)
                else "give a path in a folder that this user may write to",
            ) from error

        if is_ours:
            self._take(path)
        elif not self.trusts_owner:
            self._warn_of_others(path)

    def make_values_folder(self, path: str) -> str:
        """Make the folder of the files of large values.

        :return: its path
        :raises StoreFailed: where it cannot be made, not be written to, or is another
            user's
        """
        try:
            _make(path)
        except OSError as error:
            raise StoreFailed(
                self.store,
                f"the folder of its values cannot be made ({error})",
                "move away what has this name, or give another path",
            ) from error

        self._take(path)

        if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
            raise StoreFailed(
                self.store,
                f"this user may not write to the folder of its values, {path}",
                "make that folder writable for this user, or give another path",
            )

        return path

    def make_file(self, path: str, beside: Sequence[str]) -> None:
        """Make the file of a database, where it is missing.

        One that was there keeps its mode: it may be another program's.

        :param beside: the files that belong to it, where they are there
        :raises StoreFailed: where it is no file, or another user's
        """
        try:
            found = os.stat(path)
        except FileNotFoundError:
            with suppress(OSError):  # SQLite says what is wrong
                make_private(path)
        except OSError:  # SQLite says what is wrong with it
            return
        else:
            self._check_file(path, found)

        for file in (path, *beside):
            with suppress(FileNotFoundError):  # another process has closed it
                self._check_owner(file)

    def narrow(self, *paths: str) -> None:
        """Keep others from files, where they are there."""
        if self.trusts_owner:
            return

        for path in paths:
            with suppress(OSError):  # where modes mean nothing
                mode = stat.S_IMODE(os.stat(path).st_mode)

                if mode & OTHERS:
                    os.chmod(path, mode & ~OTHERS)

    def _check_file(self, path: str, found: os.stat_result) -> None:
        if stat.S_ISDIR(found.st_mode):
            raise StoreFailed(
                self.store,
                f"{path} is a folder",
                "give the path of a file in it, such as "
                f"{os.path.join(path, 'asyncflow.db')}",
            )

        if not stat.S_ISREG(found.st_mode):
            raise StoreFailed(
                self.store,
                f"{path} is no file, but a device, a pipe or a socket",
                "give the path of a file",
            )

        if found.st_nlink > 1:
            raise StoreFailed(
                self.store,
                f"{path} has {found.st_nlink} names (hard links), and SQLite can keep a "
                "file whole by one of them only",
                "remove the other names, or make it a copy of its own: `cp FILE NEW && "
                "mv NEW FILE`",
            )

    def _take(self, path: str) -> None:
        """Refuse what is another user's; keep others from what is this one's."""
        self._check_owner(path)
        self.narrow(path)

    def _check_owner(self, path: str) -> None:
        if self.trusts_owner:
            return

        link, found = os.lstat(path), os.stat(path)

        strangers = {link.st_uid, found.st_uid} - {os.geteuid()}

        if strangers and strangers != {_uid_of_new(path, found)}:
            raise StoreFailed(
                self.store,
                f"{path} belongs to another user, {_name(min(strangers))}: who owns it "
                "decides what is in it, pickles among that, which run code",
                "open it as that user, have it given to this one (chown -R), or, if you "
                "trust its owner, make the store with `trust_owner=True`",
            )

    def _warn_of_others(self, path: str) -> None:
        mode = os.stat(path).st_mode

        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            _logger.warning(
                "every user may replace the store %s: take the right to write to %s away "
                "(chmod o-w), or keep it in a folder of its own",
                *(self.store, path),
            )


def check_path(path: str, store: str) -> None:
    """Refuse the path of what cannot be a file.

    :param store: how errors name the store
    """
    if path.endswith(os.sep) or not path:
        problem, remedy = "its path names a folder", "give the path of a file"
        raise StoreFailed(store, problem, remedy)

    if "\0" in path:
        raise StoreFailed(repr(store), "its path has a NUL in it", "leave that out")


def _make(path: str) -> bool:
    """Make a folder and those above it; tell whether it was missing."""
    if os.path.isdir(path):
        return False

    above = os.path.dirname(path)

    if above and above != path:
        _make(above)

    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        if not os.path.isdir(path):
            raise

        return False  # another process was faster

    os.chmod(path, 0o700)  # whatever the umask took away
    return True


def make_private(path: str) -> None:
    """Make an empty file, which only this user may read. Blocks.

    :raises FileExistsError: where it is there
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)

    try:
        os.fchmod(descriptor, 0o600)  # whatever the umask took away
    finally:
        os.close(descriptor)


def _uid_of_new(path: str, found: os.stat_result) -> int | None:
    """Return whose a new file would be: on some network's disks, not this user's."""
    folder = path if stat.S_ISDIR(found.st_mode) else os.path.dirname(path)

    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            return os.fstat(file.fileno()).st_uid
    except OSError:
        return None


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _ignore(path: str) -> None:
    name = os.path.join(path, ".gitignore")

    with open(name, "w", encoding="utf-8") as file:
        file.write(IGNORE)
