"""Putting a new file in the place of an old one of the user's."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import BinaryIO

from asyncflow.worker.errors import (
    AsyncflowError,
    DataNodeReadingError,
    DataNodeWritingError,
)

COPIED = 1 << 20
"""How many bytes are copied at a time."""

_places: dict[str, str] = {}
"""What paths mean, links followed. It stays as it was first: runs are ordered by it."""

MOST_PLACES = 10_000
"""Of how many paths that is kept; of others, links are not followed."""


def replace_file(
    path: str,
    write: Callable[[BinaryIO], object],
    temporary: str,
    *,
    sync: bool = False,
    is_users: bool = False,
) -> None:
    """Write a file under a temporary name, then put it in the place of `path`.

    Whatever fails, `path` is what it was and the temporary file is gone.

    :param temporary: a name in the same folder
    :param sync: whether it outlives a power failure once this returns
    :param is_users: whether `path` is a file of the user's; see `put_in_place`
    """
    try:
        with open(temporary, "wb") as file:
            write(file)

            if sync:
                file.flush()
                os.fsync(file.fileno())

        if is_users:
            put_in_place(temporary, path)
        else:
            os.replace(temporary, path)

            if sync:
                sync_folder(os.path.dirname(path))
    except BaseException as error:
        with suppress(FileNotFoundError):
            os.unlink(temporary)

        if isinstance(error, OSError) and error.filename is None:
            error.filename = path  # a failed write does not know it

        raise


def unwritable(error: OSError, place: str, name: str) -> OSError:
    """Return an error of a write that names the data node, its place and the remedy.

    :param name: how an error calls the value
    """
    return not_written(error, place, f"data node {name!r}")


def not_written(error: OSError, place: str, what: str) -> OSError:
    """Return an error of a write that names what is written, its place and the remedy."""
    why = error.strerror or str(error) or type(error).__name__
    remedy = REMEDIES.get(error.errno or 0, "mend that, and write again")
    message = f"{what} cannot be written: {why}: {remedy}"
    return OSError(error.errno or errno.EIO, message, place)


OPTION = "keyword argument"
"""What Python says of a function that has no such option."""

REMEDIES: Mapping[int, str] = {
    errno.ENOENT: "make its folder first",
    errno.ENOTDIR: "a part of its path is a file: move that away, or correct the path",
    errno.ENOSPC: "free some space there",
    errno.EDQUOT: "free some space there, or have a larger quota",
    errno.EFBIG: "allow larger files (ulimit -f), or use another file system",
    errno.EACCES: "give the user of this program the right to write in its folder",
    errno.EPERM: "give the user of this program the right to replace it",
    errno.EROFS: "use a file system that can be written",
    errno.ENAMETOOLONG: "use a shorter path",
}
"""What to do about a place that cannot be written, by the number of the error."""


def unreadable(place: str, storage_type: str, error: Exception) -> DataNodeReadingError:
    """Make the error of a file that is there, and cannot be read."""
    for kind, why, remedy in _UNREADABLE:
        if isinstance(error, kind):
            return DataNodeReadingError(place, why, remedy)

    if isinstance(error, UnicodeError) and place.endswith(PACKED):
        return DataNodeReadingError(place, "it is compressed, by its name", UNPACK)

    if isinstance(error, UnicodeError):
        why = f"its text has another encoding ({error})"
        return DataNodeReadingError(place, why, "name that with encoding=")

    if isinstance(error, OSError) and error.filename is not None:
        why = error.strerror or str(error)
        return DataNodeReadingError(place, why, "mend its path, or what is there")

    said = str(error).lower()

    for words, why, remedy in _SAID:
        if words in said:
            return DataNodeReadingError(place, f"{why} ({error})", remedy)

    why = f"it is no whole {storage_type} ({type(error).__name__}: {error})"
    return DataNodeReadingError(place, why, BRING_BACK)


PACKED = (".gz", ".bz2", ".xz", ".zip", ".zst")
"""How the names of compressed files end."""

UNPACK = (
    "unpack it, or, of CSV by pandas, give read_options and write_options "
    "{'compression': 'gzip'}"
)


def check_packed(place: str | None, name: str) -> None:
    """Refuse to write what is not compressed to a file whose name says that it is.

    :param place: its path, or its address
    :param name: how an error calls the value
    """
    if place is not None and (ending := os.path.splitext(place)[1]) in PACKED:
        raise DataNodeWritingError(
            f"data node {name!r}: the name of its file ends in {ending!r}, and it would "
            "not be compressed: use another name, or, for CSV by pandas, give "
            "write_options={'compression': 'gzip'}"
        )


BRING_BACK = "bring back the file that was there, or write to the data node"


_UNREADABLE = (
    (IsADirectoryError, "it is a folder", "move it away, or give the path of a file"),
    (
        NotADirectoryError,
        "a part of its path is a file",
        "move that away, or correct the path",
    ),
    (
        PermissionError,
        "reading it is not permitted",
        "give the user of this program the right to read it",
    ),
)

UNLIKE = "its rows cannot be compared"
COMPARED = "compare a column with a value of its own type"
_SAID = (
    (OPTION, "what reads it has no such option", "correct read_options"),
    ("no kernel matching", UNLIKE, COMPARED),
    ("cannot compare", UNLIKE, COMPARED),
    ("comparison between", UNLIKE, COMPARED),
)
"""What libraries say of a file that is whole, what that means, and what to do."""


NO_FILE = "it is a device, a pipe or a socket"
OF_FILE = "give the path of a file"


def check_kind(path: str) -> None:
    """Refuse to read what is neither a file nor a folder: that may never end.

    What is not there, or may not be looked at, is told when it is opened.

    :raises DataNodeReadingError: where it is a device, a pipe or a socket
    """
    if is_special(path):
        raise DataNodeReadingError(path, NO_FILE, OF_FILE)


def is_special(path: str) -> bool:
    """Tell whether there is something that is neither a file nor a folder."""
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return False

    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def check_link(path: str, name: str) -> None:
    """Refuse a link that leads where there is not even a folder."""
    if not os.path.islink(path):
        return

    target = os.path.realpath(path)

    if not os.path.isdir(os.path.dirname(target)):
        why = (
            f"data node {name!r} is a link into a folder that is not there: make "
            f"the folder of {target!r}, or mend the link"
        )
        raise FileNotFoundError(errno.ENOENT, why, path)


def put_in_place(draft: str, path: str) -> None:
    """Rename a file to that of the user's which `path` means, in one step.

    A link is followed, and goes on being one. The new file has the mode and, as far as
    this user may give it away, the owner of the old one.

    :raises OSError: where that cannot be, or what is there is no file; the draft stays
    """
    target = os.path.realpath(path)

    try:
        before = os.stat(target)
    except FileNotFoundError:
        pass
    else:
        if not stat.S_ISREG(before.st_mode):
            why = "is no regular file, so it cannot be replaced"
            raise OSError(errno.EINVAL, why, path)

        make_like(draft, before)

    try:
        os.replace(draft, target)
    except OSError as error:
        if error.errno == errno.EXDEV:
            _move(draft, target)
        else:  # once more: other outputs of the same job may be in their places already
            os.replace(draft, target)

    sync_folder(os.path.dirname(target))


class Former:
    """The file that is in a place, held until what replaces it is to stay.

    It is held by a link, so it is no copy, and is the very same file if it comes back.

    :param path: the place
    :param draft: the file that will be renamed to it
    :param beside: a name in the same folder, under which it is held
    :raises OSError: where there are no such links
    """

    def __init__(self, path: str, draft: str, beside: str) -> None:
        self._target = os.path.realpath(path)
        self._beside: str | None = beside
        self._new = os.stat(draft).st_ino

        try:
            os.link(self._target, beside)
        except FileNotFoundError:  # there is none yet
            self._beside = None

    def put_back(self) -> None:
        """Have it in its place again, unless what is there is not what replaced it."""
        with suppress(FileNotFoundError):
            if os.stat(self._target).st_ino != self._new:
                return

        if self._beside is None:
            with suppress(FileNotFoundError):
                os.unlink(self._target)
        else:
            os.replace(self._beside, self._target)

        sync_folder(os.path.dirname(self._target))

    def let_go(self) -> None:
        """Hold it no more."""
        if self._beside is not None:
            with suppress(OSError):
                os.unlink(self._beside)


def sync_folder(folder: str) -> None:
    """Have the names in a folder outlive a power failure."""
    descriptor = os.open(folder or os.curdir, os.O_RDONLY | os.O_DIRECTORY)

    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_like(draft: str, before: os.stat_result) -> None:
    """Give a file or a folder the mode and, as far as may be, the owner of another."""
    now = os.stat(draft)

    if (now.st_uid, now.st_gid) != (before.st_uid, before.st_gid):
        for owner in (before.st_uid, -1):  # many may give the group alone
            with suppress(PermissionError):
                os.chown(draft, owner, before.st_gid)
                break

    os.chmod(draft, stat.S_IMODE(before.st_mode))


def _move(draft: str, target: str) -> None:
    """Copy a file beside its target on another disk, then rename it."""
    import shutil

    beside = os.path.join(os.path.dirname(target), os.path.basename(draft))

    try:
        shutil.copyfile(draft, beside)
        make_like(beside, os.stat(draft))

        with open(beside, "rb+") as file:
            os.fsync(file.fileno())

        os.replace(beside, target)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(beside)

        raise

    os.unlink(draft)


class Draft:
    """Writes a file, and finds out why it could not where a library does not tell."""

    def __init__(self, write: Callable[[BinaryIO], object]) -> None:
        self._write = write
        self.is_foreign: bool = False
        """Whether what was raised is not the file's: there was room for more."""

    def write(self, file: BinaryIO) -> None:
        """Write; where there is no room, raise that."""
        try:
            self._write(file)
        except AsyncflowError:
            raise
        except Exception:
            file.write(bytes(COPIED))
            file.flush()
            self.is_foreign = True
            raise


def copy(path: str, file: BinaryIO) -> None:
    """Copy a file to the end of another."""
    check_kind(path)

    with open(path, "rb") as source:
        copy_all(source, file)


def copy_all(source: BinaryIO, file: BinaryIO) -> None:
    """Copy what is left of one file to the end of another."""
    while data := source.read(COPIED):
        file.write(data)


def locate(path: str) -> None:
    """Look where a path leads, for `place_of`."""
    if len(_places) < MOST_PLACES:
        _places.setdefault(path, os.path.realpath(path))


def place_of(path: str) -> str:
    """Return what all paths have in common that lead to one file."""
    return _places.get(path) or os.path.normpath(path)
