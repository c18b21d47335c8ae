from __future__ import annotations

from pathlib import Path

from tests.support.command import spawned


def test_what_has_ended_is_followed_to_its_end(folder: Path) -> None:
    ran = spawned("logs", "-f", "last", "JOB_total", folder=folder)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert sorted(ran.stdout.splitlines()) == [
        "[broken] about to fail",
        "[extract] extracting 2025",
        "[total] adding",
    ]
