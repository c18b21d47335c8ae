"""Whether the process of an orchestrator is alive.

A process is told from others by where it can be seen (the boot of its kernel, and the
namespace of its pid), its pid and its start time. Two containers may have one host name,
and see different processes under one pid.
"""

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
_PROCESS = "/proc/self"


@cache
def host() -> str:
    """Return the name of this host."""
    return socket.gethostname()


@cache
def place() -> str:
    """Return what those have in common whose processes can be seen from here.

    ``""`` where none can be seen. Blocks. On Linux the boot of the kernel and the
    namespace of the pids.
    """
    return _place_linux() if sys.platform == "linux" else sys.platform


def is_visible(record: OrchestratorRecord) -> bool:
    """Tell whether the process of an orchestrator can be seen from here. Blocks."""
    here = place()
    return (
        record.host == host() and here != "" and record.started.startswith(f"{here}:")
    )


def started(pid: int) -> str:
    """Return what tells a process from others with its pid; ``""`` where it has ended.

    Blocks. It begins with `place`; on Linux the clock tick follows at which it was
    started, elsewhere what ``ps`` says of it.
    """
    at = _tick(pid) if sys.platform == "linux" else _date(pid)
    return f"{place()}:{at}" if at else ""


def is_dead(
    record: OrchestratorRecord, *, own_ids: Collection[str], now: float | None
) -> bool:
    """Tell whether an orchestrator is no more. Blocks.

    That is seen from its process, or, in this one, from `own_ids`; one whose process
    cannot be seen from here is dead when its lease has ended.

    :param own_ids: the orchestrators of this process that are open
    :param now: in seconds since the epoch, by the clock of the leases; None where no
        lease is looked at
    """
    if record.id in own_ids:
        return False

    if not is_visible(record):
        return now is not None and record.lease < now

    return record.pid == os.getpid() or started(record.pid) != record.started


def start_time(stat: str) -> str | None:
    """Return the start time in the text of ``/proc/PID/stat``; None for a zombie."""
    state, *rest = stat.rpartition(")")[2].split()
    return None if state in ("Z", "X") else rest[18]


def _place_linux() -> str:
    with suppress(OSError):
        # It may be that of another namespace, with other processes under our pids.
        if os.readlink(_PROCESS) == str(os.getpid()):
            with open(_BOOT_ID, encoding="utf-8") as file:
                return f"{file.read().strip()}:{os.readlink(f'{_PROCESS}/ns/pid')}"

    return ""


def _tick(pid: int) -> str | None:
    with (
        suppress(OSError),
        open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file,
    ):
        return start_time(file.read())

    return None


def _date(pid: int) -> str:
    command = ["ps", "-o", "lstart=", "-p", str(pid)]
    # The names of days and months are those of the locale.
    environment = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment
    )
    return done.stdout.strip()
