"""Where the relative paths of data nodes begin."""

from __future__ import annotations

import os
from typing import Self

from asyncflow.abc import is_address


class Directory:
    """A directory, as this process and as records call it."""

    def __init__(self, path: str, anchor: str, recorded: str) -> None:
        self.path = path
        """Absolute."""
        self.anchor = anchor
        """What records see directories from: the folder of the store, which moves with it."""
        self.recorded = recorded
        """What records have."""

    @classmethod
    def of(cls, path: str, anchor: str) -> Self:
        """Describe a directory. Blocks."""
        return cls(path, anchor, os.path.relpath(path, anchor))

    def placed(self, path: str) -> str:
        """Return the absolute path of a file, of a path that is meant here.

        :param path: relative or not, or an address, which stays as it is
        """
        if is_address(path):
            return path

        return os.path.normpath(os.path.join(self.path, os.path.expanduser(path)))

    def found(self, recorded: str) -> str:
        """Return the path of a directory that a record has."""
        return os.path.normpath(os.path.join(self.anchor, recorded))
