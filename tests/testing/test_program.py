"""Programs that tests run as their users do: in a process of their own."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from asyncflow.testing import Faults, run_program
from tests.support.faults import Program, noted
from tests.support.faults import program as program


def test_jobs_of_a_program_crash(program: Program, tmp_path: Path) -> None:
    faults = Faults()
    faults.crash("add")
    ran = program("standalone", "", faults=faults)
    assert ran.returncode == 1
    assert "of task 'add' failed: its worker process was killed" in ran.stderr
    assert noted(tmp_path) == ["double"]


def test_a_program_that_does_not_end_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("import threading; threading.Event().wait()")

    with pytest.raises(subprocess.TimeoutExpired):
        run_program(script, folder=tmp_path, timeout=0.5)


def test_a_script_is_found_from_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "script.py").write_text(
        "import os, sys\n"
        "print(os.getcwd(), sys.argv[1:], os.environ['ASYNCFLOW_STORE'])\n"
        "print(repr(sys.stdin.read()), file=sys.stderr)\n"
    )
    monkeypatch.chdir(tmp_path)
    ran = run_program("script.py", "a", "b c", folder="there")
    assert ran.stdout == f"{tmp_path / 'there'} ['a', 'b c'] :memory:\n"
    assert (ran.returncode, ran.stderr) == (0, "''\n")
