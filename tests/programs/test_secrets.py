"""A secret of the environment is nowhere, whatever fails: not on the screen, not on disk."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from tests.programs.secret_program import KINDS
from tests.support.programs import environment


@pytest.mark.limit(150)
def test_a_secret_is_nowhere(tmp_path: Path) -> None:
    secret = "hunter2-p@ss:w/rd'%41\"\\ é"
    address = f"postgresql://u:{quote(secret, safe='')}@127.0.0.1:1/d"
    done = subprocess.run(
        [sys.executable, "-m", "tests.programs.secret_program"],
        cwd=tmp_path,
        env=environment(SECRET=secret, ADDRESS=address, AWS_MAX_ATTEMPTS="1"),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr

    for name in KINDS:
        assert f"told of {name}" in done.stdout

    files = [one.read_bytes() for one in tmp_path.rglob("*") if one.is_file()]
    everything = done.stdout.encode() + done.stderr.encode() + b"".join(files)

    for form in {
        secret,
        quote(secret, safe=""),
        quote_plus(secret),
        repr(secret)[1:-1],
    }:
        assert form.encode() not in everything, form
