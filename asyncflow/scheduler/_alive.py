"""Whether the process of an orchestrator is alive."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Collection
from contextlib import suppress
from functools import cache

from asyncflow.records import OrchestratorRecord

_BOOT_ID = "/proc/sys/kernel/random/boot_id"


@cache
def host() -> str:
    """Return the name of this host."""
    return socket.gethostname()


def started(pid: int) -> str:
    """Return what tells a process from others with its pid; ``""`` where it has ended.

    Blocks. On Linux the boot and the clock tick at which it was started, elsewhere what
    ``ps`` says of it.
    """
    return _started_linux(pid) if sys.platform == "linux" else _started(pid)


def is_dead(
    record: OrchestratorRecord, *, own_ids: Collection[str], now: float
) -> bool:
    """Tell whether an orchestrator is no more. Blocks.

    On this host that is seen from its process, or, in this one, from `own_ids`; that of
    another host is dead when its lease has ended.

    :param own_ids: the orchestrators of this process that are open
    :param now: in seconds since the epoch
    """
    if record.host != host():
        return record.lease < now

    if record.id in own_ids:
        return False

    return record.pid == os.getpid() or started(record.pid) != record.started


def start_time(stat: str) -> str | None:
    """Return the start time in the text of ``/proc/PID/stat``; None for a zombie."""
    state, *rest = stat.rpartition(")")[2].split()
    return None if state in ("Z", "X") else rest[18]


def _started_linux(pid: int) -> str:
    with suppress(OSError):
        with open(_BOOT_ID) as file:
            boot = file.read().strip()

        with open(f"/proc/{pid}/stat") as file:
            ticks = start_time(file.read())

        if ticks is not None:
            return f"{boot}:{ticks}"

    return ""


def _started(pid: int) -> str:
    command = ["ps", "-o", "lstart=", "-p", str(pid)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip()
