"""Files of values, and which of them killed processes have left, and nobody needs."""

from __future__ import annotations

import os
from collections.abc import Container, Iterable
from contextlib import suppress

HERE = "here"
"""How the name of the file ends that tells the host of an orchestrator from others."""

STAGED = ".staged"
"""How files end that tell what waits on a server: the next orchestrator looks there."""


def lost(names: Iterable[str], dead: Container[str], kept: Container[str]) -> list[str]:
    """Return which of some files are lost.

    :param dead: the ids of orchestrators that have made values, and are gone
    :param kept: the files that versions have
    """
    return sorted(
        name
        for name in names
        if name.partition("-")[0] in dead
        and name not in kept
        and not name.endswith(STAGED)
    )


def sizes_in(folder: str) -> dict[str, int]:
    """Return the bytes of the files in a folder. Blocks."""
    found: dict[str, int] = {}

    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as files:
        for file in files:
            if file.name.startswith("."):  # it says whose folder it is
                continue

            with suppress(FileNotFoundError):
                found[file.name] = file.stat(follow_symlinks=False).st_size

    return found
