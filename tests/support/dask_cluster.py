"""Dask clusters for tests: real schedulers and workers, in processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from asyncflow import Configuration


@contextmanager
def local(count: int) -> Iterator[str]:
    """Run a cluster with so many workers; give the address of its scheduler."""
    command = (sys.executable, "-m", "asyncflow.executors.dask.local", str(count))

    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["address"]
        # Its standard input is closed here: so it ends.


def configuration(address: str | None, **options: Any) -> Configuration:
    """Configure that jobs run in a cluster."""
    config = Configuration()
    given: dict[str, Any] = {"echo": False, **options}
    config.configure_job_executions("cluster", address=address, **given)
    return config
