"""Whichever system call fails that writes: nothing is torn or lost, and the error is clear.

By hand for every one of them, or every third where values are tables: ``--system-calls 1``.
It holds for what asyncflow keeps itself and for files of the user's of each kind: all are
old or new, those of one job together. A table of a database is whole, old or new; it may be
new where the job that wrote it has failed, as it is published before the files.
"""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import failing_calls
from tests.support.programs import environment

ERRORS = (errno.EIO, errno.ENOSPC, failing_calls.SHORT)


@pytest.mark.limit(3600)
@pytest.mark.parametrize("kinds", ["plain", "tables", "database"])
def test_one_that_fails_tears_and_loses_nothing(
    tmp_path: Path, kinds: str, request: pytest.FixtureRequest
) -> None:
    library = failing_calls.built(tmp_path)

    if library is None:
        pytest.skip("needs gcc, on Linux")

    if kinds != "plain":
        for package in ("pandas", "pyarrow", "xlsxwriter", "sqlalchemy"):
            pytest.importorskip(package)

    step = request.config.getoption("--system-calls")
    limit = 200 * len(ERRORS) if step > 1 else None
    step *= 1 if kinds == "plain" else 3
    folder = tmp_path / "runs"
    folder.mkdir()
    command = [sys.executable, "-m", "tests.programs.system_calls_program"]
    errors = ",".join(map(str, ERRORS))  # one start of Python for all of them

    done = subprocess.run(
        [*command, folder, errors, str(step), kinds],
        env={**environment(), "LD_PRELOAD": os.fspath(library)},
        capture_output=True,
        text=True,
        check=False,
        timeout=limit,
    )

    for error in ERRORS:
        found = re.search(
            rf"^{error}: (\d+) calls, 0 wrong$", done.stdout, re.MULTILINE
        )
        assert found, done.stdout + done.stderr
        assert int(found[1]) > 100, done.stdout

    assert not done.returncode, done.stderr
