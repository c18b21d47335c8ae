"""The files of large values, beside what the store has of them."""

from __future__ import annotations

import os

from asyncflow.cli.records import Reader
from asyncflow.values.lost import lost


def missing(store: Reader) -> list[str]:
    """Return the files that the store names, and that are not there."""
    folder = store.values_folder()

    if folder is None:
        return []

    names = store.names("kept_names")
    paths = [os.path.join(folder, name) for name in names]
    return sorted(path for path in paths if not os.path.exists(path))


def orphans(store: Reader) -> list[str]:
    """Return the files that processes which were killed have left, and nobody needs.

    The files are listed first: who makes one is registered by then, and what it was made
    for is in the store once its maker is not.
    """
    folder = store.values_folder()

    if folder is None:
        return []

    files = os.listdir(folder)
    dead = {*store.names("makers")} - {*store.names("orchestrators")}
    kept = {*store.names("kept_names")}
    return [os.path.join(folder, name) for name in lost(files, dead, kept)]
