"""The folders of a store."""

from __future__ import annotations

import os

from asyncflow.errors import StoreFailed

OURS = ".asyncflow"
"""What a folder is called that is there for asyncflow alone."""

IGNORE = "# Made by asyncflow: what is here belongs to nobody's repository.\n*\n"


def make_folder(path: str, store: str) -> None:
    """Make a folder, where it is missing. Blocks.

    A new one that is asyncflow's own is kept out of version control.

    :param store: how errors name the store
    :raises StoreFailed: where it cannot be made
    """
    try:
        if not os.path.isdir(path):
            os.makedirs(path, exist_ok=True)
            _ignore(path)
    except OSError as error:
        raise StoreFailed(
            store,
            f"its folder cannot be made ({error})",
            "give a path in a folder that this user may write to",
        ) from error


def make_values_folder(path: str, store: str) -> str:
    """Make the folder of the files of large values, for this user alone. Blocks.

    :param store: how errors name the store
    :return: its path
    :raises StoreFailed: where it cannot be made, or not be written to
    """
    try:
        os.makedirs(path, mode=0o700, exist_ok=True)
    except OSError as error:
        raise StoreFailed(
            store,
            f"the folder of its values cannot be made ({error})",
            "move away what has this name, or give another path",
        ) from error

    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        raise StoreFailed(
            store,
            f"this user may not write to the folder of its values, {path}",
            "make that folder writable for this user, or give another path",
        )

    return path


def _ignore(path: str) -> None:
    if os.path.basename(path) == OURS:
        with open(os.path.join(path, ".gitignore"), "w", encoding="utf-8") as file:
            file.write(IGNORE)
