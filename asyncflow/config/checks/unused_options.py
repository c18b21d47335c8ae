"""Options of data nodes that have no effect, such as an encoding of what is no text.

They may be meant for another environment, so each is told of, and kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress

from asyncflow.config.data_node import DataNodeConfig


def notes(nodes: Iterable[DataNodeConfig]) -> Iterator[str]:
    """Yield a line for each option that has no effect."""
    for node in nodes:
        with suppress(Exception):  # the checks tell what is wrong with them
            for line in node.unused_options():
                yield f"{node.label}: {line}: leave it out"
