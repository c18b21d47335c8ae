"""Processes of others, as the system shows them."""

from __future__ import annotations

import os
import time
from pathlib import Path

from tests.support.programs import LIMIT


def lives(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False

    return stat.rpartition(")")[2].split()[0] not in "ZX"


def await_death(pid: int) -> None:
    while lives(pid):
        time.sleep(0.01)


def cpu_seconds(pid: int) -> float:
    """Return how much CPU time a process has taken."""
    parts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")


def state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def await_state(pid: int, wanted: str) -> None:
    give_up = time.monotonic() + LIMIT

    while state(pid) not in wanted:
        assert time.monotonic() < give_up
        time.sleep(0.01)
