"""Files of values that processes which were killed have left, and nobody needs."""

from __future__ import annotations

from collections.abc import Container, Iterable

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
