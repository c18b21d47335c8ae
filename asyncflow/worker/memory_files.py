"""Files in memory: large values that end with their orchestrator wait for no disk.

The orchestrator's folder for them is on a file system in memory. Where values are, a link
with the orchestrator's id leads to it, and each file in it has a link that bears the name
of the value. So whoever reads or removes a value need not know where its bytes are. Where
there is no such folder, or no room in it, a value is written to the disk.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO

FILE = re.compile(r".*/asyncflow-memory-\w+/[^/]+")
"""The names that files in memory have."""

SPARE = 4
"""A quarter of that file system stays free for others."""


def link_path(folder: str, holder_id: str) -> str:
    """Return the link that leads to an orchestrator's folder.

    :param folder: where values are
    """
    return f"{folder}/{holder_id}-memory"


def write(path: str, size: int, fill: Callable[[BinaryIO], object]) -> bool:
    """Write a file in memory, and make `path` a link to it. Blocks.

    Whoever is killed meanwhile leaves no part of a file.

    :param path: what `Versions.named_path` has given
    :param size: how many bytes it will have, about
    :return: whether it is there; nothing is left where it is not
    """
    folder, name = os.path.split(path)

    try:
        home = os.readlink(link_path(folder, name.partition("-")[0]))
        room = os.statvfs(home)

        if (
            room.f_bavail * room.f_frsize - size
            < room.f_blocks * room.f_frsize // SPARE
        ):
            return False

        target = os.path.join(home, name)
        _write(home, target, fill)
    except OSError:  # no folder, no room, no such thing on this system
        return False

    try:
        os.symlink(target, path)
    except OSError:
        with suppress(OSError):
            os.unlink(target)

        return False

    return True


def _write(home: str, target: str, fill: Callable[[BinaryIO], object]) -> None:
    """Write a file that has no name until it is whole."""
    descriptor = os.open(home, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o600)

    with open(descriptor, "wb") as file:
        fill(file)
        file.flush()
        # With a folder's descriptor a link is followed: see linkat(2).
        named = f"/proc/self/fd/{descriptor}"
        os.link(named, target, src_dir_fd=descriptor, follow_symlinks=True)


def link(old: str, new: str) -> bool:
    """Give a file in memory a further name, with a link of its own. Blocks.

    :return: False where `old` is no file in memory
    :raises OSError: where that cannot be
    """
    if (target := _target(old)) is None:
        return False

    beside = os.path.join(os.path.dirname(target), os.path.basename(new))
    os.link(target, beside)

    try:
        os.symlink(beside, new)
    except BaseException:
        os.unlink(beside)
        raise

    return True


def unlink(path: str) -> None:
    """Remove the file of a value, wherever its bytes are. Blocks.

    :raises OSError: where that cannot be
    """
    target = _target(path)
    os.unlink(path)

    if target is not None:
        with suppress(OSError):  # its orchestrator has removed all
            os.unlink(target)


def _target(path: str) -> str | None:
    """Return the file in memory that a link leads to; None where it is no such link."""
    try:
        target = os.readlink(path)
    except OSError:
        return None

    return target if FILE.fullmatch(target) else None
