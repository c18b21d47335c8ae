"""Files that processes which were killed have left."""

from __future__ import annotations

from asyncflow.values.lost import lost


def test_files_of_the_dead_that_nobody_keeps_are_lost() -> None:
    names = ["dead-2", "dead-1", "dead-kept", "dead-3.staged", "alive-1", "other"]
    assert lost(names, {"dead"}, {"dead-kept"}) == ["dead-1", "dead-2"]
