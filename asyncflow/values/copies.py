"""Values that two data nodes have: the file of one gets a further name."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable
from contextlib import nullcontext
from functools import partial

from asyncflow.values.files import ValueFiles, remove
from asyncflow.worker.replacing import copy, replace_file, sync_folder
from asyncflow.worker.values import temporary_name

NO_LINKS = frozenset(
    {errno.EPERM, errno.EACCES, errno.EMLINK, errno.EXDEV, errno.ENOSYS, errno.ENOTSUP}
)
"""What a disk answers that gives a file no further name."""

_OWN = re.compile(r"[^-]+-\d+")
"""What tells the name of a file from others: its maker, and a number."""


def ending(name: str) -> str:
    """Return what the name of a file says of the value in it: digest and suffix."""
    name = os.path.basename(name)
    found = _OWN.match(name)
    return name[found.end() :] if found else os.path.splitext(name)[1]


def link_all(pairs: Iterable[tuple[str, str]], files: ValueFiles | None = None) -> None:
    """Give files a further name each, all of them or none. Blocks.

    The file system counts the names: what is in a file goes with the last one, whoever
    removes it, and whenever.

    :param pairs: for each file the name that it has, and the one that it gets
    :param files: has them where all hosts see them, too; None where the caller does that
    :raises FileNotFoundError: where a file is gone
    :raises ValueMissing: where it is gone everywhere
    """
    made: list[str] = []

    try:
        for old, new in pairs:
            with nullcontext(old) if files is None else files.here(old) as here:
                _link(here, new)

            made.append(new)

        for folder in {os.path.dirname(new) for new in made}:
            sync_folder(folder)

        if files is not None:
            for new in made:
                files.keep(new)
    except BaseException:
        remove(made) if files is None else files.remove(made)
        raise


def _link(old: str, new: str) -> None:
    try:
        os.link(old, new)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise

        replace_file(new, partial(copy, old), temporary_name(new), sync=True)
