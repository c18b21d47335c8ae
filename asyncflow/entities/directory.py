"""Where the relative paths of data nodes begin."""

from __future__ import annotations

import os
from typing import Self

import attrs


@attrs.frozen(eq=False, repr=False)
class Directory:
    """A directory, as this process and as records call it."""

    path: str
    """Absolute."""
    anchor: str
    """What records see directories from: the folder of the store, which moves with it."""
    recorded: str
    """What records have."""

    @classmethod
    def of(cls, path: str, anchor: str) -> Self:
        """Describe a directory. Blocks."""
        return cls(path, anchor, os.path.relpath(path, anchor))

    def found(self, recorded: str) -> str:
        """Return the path of a directory that a record has."""
        return os.path.normpath(os.path.join(self.anchor, recorded))
