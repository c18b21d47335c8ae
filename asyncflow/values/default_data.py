"""Default data that needs a file, or is in a place of the user's: loaded once a data node
has such.
"""

from __future__ import annotations

import os

import attrs

from asyncflow.abc import Driver, StoredValue
from asyncflow.config.sections import DataNodeConfig
from asyncflow.runs.node import NOTHING, NodeState
from asyncflow.values.copies import ending, link_all
from asyncflow.worker.outcome import Placed
from asyncflow.worker.wire import seen

MOST = 1000
"""Of how many data node configs it is known where their default data was written."""


@attrs.define(eq=False, repr=False)
class DefaultFiles:
    """Where default data was written, so that it is written once for each section.

    The data nodes of later scenarios get the file under a further name.
    """

    _files: dict[str, tuple[DataNodeConfig, bool, str]] = attrs.field(
        init=False, factory=dict
    )
    """By config ids, of what a file was written, whether its name has a digest, and its
    name."""

    def linked(self, node: NodeState, path: str) -> str | None:
        """Name the file for a data node, too; return None where there is none. Blocks.

        :param path: the name that a new file would have
        """
        section, is_compared, old = self._files.get(node.config_id, (None, False, ""))

        if section is not node.config or is_compared is not node.is_compared:
            return None

        own = path.removesuffix(ending(path))
        new = os.path.join(os.path.dirname(old), os.path.basename(own) + ending(old))

        try:
            link_all([(old, new)])
        except OSError:  # most likely nobody needs the file any more
            return None

        self.note(node, new)
        return new

    def note(self, node: NodeState, path: str) -> None:
        """Take note of the file of a data node's default data."""
        self._files.pop(node.config_id, None)
        self._files[node.config_id] = node.config, node.is_compared, path

        if len(self._files) > MOST:
            del self._files[next(iter(self._files))]


def found(driver: Driver) -> StoredValue:
    """Look at a place of the user's that nobody here has written yet. Blocks."""
    if driver.is_remote:
        return None

    is_empty = driver.takes_default_data and not driver.exists()
    return Placed(NOTHING) if is_empty else seen(driver, None)
