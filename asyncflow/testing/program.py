"""Programs that tests run as their users do: in a process of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping

from asyncflow.testing.faults import Faults
from asyncflow.worker.codec import dumps


def run_program(
    path: str | os.PathLike[str],
    *arguments: str,
    folder: str | os.PathLike[str],
    faults: Faults | None = None,
    environment: Mapping[str, str] | None = None,
    timeout: float = 60.0,
) -> subprocess.CompletedProcess[str]:
    """Run a Python script to its end. Blocks.

    The script imports what the test can import. Where it was killed, its
    ``returncode`` is ``-signal.SIGKILL``; its workers are dead a moment later.

    :param path: the script; a relative path begins in the test's current directory
    :param arguments: its command line
    :param folder: its current directory; asyncflow's default store is there
    :param faults: active in the script, from its first line on
    :param environment: variables that it has besides those of the test
    :param timeout: in seconds; then it is killed
    :return: its ``returncode``, ``stdout`` and ``stderr``
    :raises subprocess.TimeoutExpired: when it has not ended in time
    """
    launch: list[str] = []

    if faults is not None:
        launch = ["-m", "asyncflow.testing._launch", dumps(faults).hex()]

    imports = os.pathsep.join(os.path.abspath(entry) for entry in sys.path)
    return subprocess.run(
        [sys.executable, *launch, os.path.abspath(path), *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": imports, **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
