"""Where a peer's sample runs: a folder of its own, without telemetry, nothing left."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

MARK = "BENCHMARK_PLACE"
"""The variable by which everything that a sample started is found again."""

VARIABLES = {
    "DO_NOT_TRACK": "1",
    "HAMILTON_TELEMETRY_ENABLED": "false",
    "PREFECT_LOGGING_LEVEL": "WARNING",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "RAY_USAGE_STATS_ENABLED": "0",
}
DAGSTER_YAML = "telemetry:\n  enabled: false\n"
GRACE = 5.0
"""How long what is left may take to end by itself, in seconds."""


def leave_when_told() -> None:
    """Let SIGTERM end the command as Ctrl-C does: samples too, and their folders."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


@contextmanager
def place(root: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Make a folder that is home, working directory and temporary folder.

    When the block is left, what the sample started is ended, and the folder removed.

    :param root: where the benchmarks are imported from
    """
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as at:
        Path(at, "dagster.yaml").write_text(DAGSTER_YAML)

        try:
            yield at, environment(at, root)
        finally:
            end_what_is_left(at)


def environment(folder: str, root: Path) -> dict[str, str]:
    """Return the variables of a sample."""
    folders = ("HOME", "TMPDIR", "DAGSTER_HOME", "RAY_TMPDIR", MARK)
    scripts = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {
        **os.environ,
        **VARIABLES,
        **dict.fromkeys(folders, folder),
        "PATH": scripts,
        "PREFECT_HOME": prefect_home().name,
        "PYTHONPATH": str(root),
    }


@cache
def prefect_home() -> tempfile.TemporaryDirectory[str]:
    """Make the one folder that outlives a sample: Prefect takes ten seconds for its
    database, once. It is removed when this process ends.
    """
    return tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True)


def end_what_is_left(folder: str) -> None:
    """Wait until nothing that a sample started is alive; kill what stays."""
    end = time.monotonic() + GRACE

    while (left := started_in(folder)) and time.monotonic() < end:
        time.sleep(0.1)

    for process in left:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def started_in(folder: str) -> list[int]:
    """Find the living processes that have inherited a sample's mark (Linux)."""
    mark = f"{MARK}={folder}".encode()
    return [
        int(entry.name)
        for entry in Path("/proc").glob("[0-9]*")
        if mark in variables(entry)
    ]


def variables(entry: Path) -> list[bytes]:
    """Return a process's variables; of one that is gone or somebody else's, none."""
    try:
        return (entry / "environ").read_bytes().split(b"\0")
    except OSError:
        return []
