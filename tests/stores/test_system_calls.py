"""Whichever system call fails that writes: nothing is torn or lost, and the error is clear.

By hand for every one of them: ``--system-calls 1``.
"""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import failing_calls
from tests.support.programs import environment


@pytest.mark.limit(240)
@pytest.mark.parametrize(
    "error",
    [
        pytest.param(errno.EIO, id="EIO"),
        pytest.param(errno.ENOSPC, id="ENOSPC"),
        pytest.param(failing_calls.SHORT, id="a short write"),
    ],
)
def test_one_that_fails_tears_and_loses_nothing(
    tmp_path: Path, error: int, request: pytest.FixtureRequest
) -> None:
    library = failing_calls.built(tmp_path)

    if library is None:
        pytest.skip("needs gcc, on Linux")

    step = request.config.getoption("--system-calls")
    folder = tmp_path / "runs"
    folder.mkdir()
    command = [sys.executable, "-m", "tests.programs.system_calls_program"]

    done = subprocess.run(
        [*command, folder, str(error), str(step)],
        env={**environment(), "LD_PRELOAD": os.fspath(library)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout.endswith(" calls, 0 wrong\n"), done.stdout + done.stderr
    assert int(done.stdout.split()[-4]) > 100, done.stdout
