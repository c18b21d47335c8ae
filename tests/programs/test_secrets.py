"""A secret of the environment is nowhere, whatever fails: not on the screen, not on disk."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.programs.secret_program import FORMS, MARKER, kinds
from tests.support.programs import environment


@pytest.mark.limit(150)
@pytest.mark.parametrize("form", FORMS)
def test_a_secret_is_nowhere(tmp_path: Path, form: str) -> None:
    secret = f"{MARKER.decode()}-p@ss:w/rd'%41\"\\ é"
    login = f"u:{quote(secret, safe='')}@127.0.0.1:1"
    done = subprocess.run(
        [sys.executable, "-m", "tests.programs.secret_program", form],
        cwd=tmp_path,
        env=environment(
            SECRET=secret,
            ADDRESS=f"postgresql://{login}/d",
            PAGE=f"http://{login}/a.json",
            FTP=f"ftp://{login}/a.p",
            AWS_MAX_ATTEMPTS="1",
        ),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr

    for name in kinds(form):
        assert f"told of {name}" in done.stdout

    files = [one.read_bytes() for one in tmp_path.rglob("*") if one.is_file()]
    everything = done.stdout.encode() + done.stderr.encode() + b"".join(files)

    at = everything.find(MARKER)  # none of the forms in which it may be written
    assert at < 0, everything[max(0, at - 300) : at + 60]
