"""The child processes of this process."""

from __future__ import annotations

import subprocess
import sys

from asyncflow.worker import children


def test_a_child_is_there_until_it_has_ended() -> None:
    before = {*children.alive()}

    with subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE
    ) as child:
        assert children.has_any()
        there = {*children.alive()} - before
        child.communicate(b"\n")

    assert there <= {child.pid, -1}
    assert child.pid not in {*children.alive()}
