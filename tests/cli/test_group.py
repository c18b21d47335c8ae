from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from asyncflow.cli.group import COMMANDS
from tests.support.command import SLOW, answer, call
from tests.support.programs import ROOT, environment


@pytest.mark.parametrize("name", COMMANDS)
def test_help_says_what_a_command_does(name: str) -> None:
    text = call(name, "--help").output
    assert text.startswith((f"Usage: asyncflow {name}", "Usage: cli"))
    assert len(text.splitlines()) > 6
    assert max(map(len, text.splitlines())) <= 100


def test_the_commands_are_listed_with_what_they_do() -> None:
    text = call("--help").output
    assert all(name in text and what in text for name, what in COMMANDS.items())


def test_a_typo_is_answered_with_what_was_meant() -> None:
    assert "did you mean 'list'?" in call("lits", code=2).output
    assert "see asyncflow --help" in call("zzzz", code=2).output


def test_without_the_extra_the_remedy_is_told(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("raise ModuleNotFoundError(name='click')")
    path = f"{tmp_path}:{ROOT}"
    ran = subprocess.run(
        [sys.executable, "-m", "asyncflow", "list"],
        env=environment(PYTHONPATH=path),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert ran.returncode == 2
    assert ran.stderr == "asyncflow: the command line needs pip install '.[cli]'\n"


def test_the_script_and_its_extra_are_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["scripts"] == {"asyncflow": "asyncflow.cli:main"}
    needs = " ".join(project["optional-dependencies"]["cli"])
    assert "click" in needs
    assert "rich" in needs


def shell(line: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a line of a shell in which `$@` is the command, with its arguments. Blocks."""
    command = [sys.executable, "-W", "error", "-m", "asyncflow", *arguments]
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", line, "bash", *command],
        env=environment(),
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
        timeout=50,
        check=False,
    )


def test_standard_output_may_be_closed(folder: Path) -> None:
    run = shell('"$@" >&-', folder, "run", "flows:sales", "--name", "unheard")
    assert (run.returncode, run.stderr) == (0, "")
    assert len(answer("list", "--name", "unheard", "--status", "COMPLETED")) == 1
    listed = shell('"$@" <&- >&- 2>&-', folder, "list")
    assert listed.returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has it")
def test_output_that_cannot_be_written(folder: Path) -> None:
    run = shell('"$@" > /dev/full', folder, "run", "flows:sales", "--name", "unheard")
    assert run.returncode == 3
    assert "Traceback" not in run.stderr
    assert "cannot be written (No space left on device)" in run.stderr
    assert len(answer("list", "--name", "unheard", "--status", "COMPLETED")) == 1


def test_a_pipe_that_is_closed_while_a_run_is_followed(folder: Path) -> None:
    (folder / "slow.py").write_text(SLOW)
    run = shell('"$@" | head -1 > /dev/null', folder, "run", "slow", "--jsonl")
    assert run.returncode == 130
    assert "no more lines can be printed (Broken pipe)" in run.stderr
    assert "Traceback" not in run.stderr
    (left,) = answer("list", "--config", "slow")
    assert f"asyncflow retry {left['id']} -m slow` goes on with it" in run.stderr
    assert left["status"] not in ("FAILED", "CANCELED")


def test_a_pipe_that_is_closed(folder: Path) -> None:
    listed = shell('"$@" | true', folder, "list", "jobs")
    assert listed.returncode in (0, 3)
    assert listed.stderr == ""


def test_a_current_folder_that_was_removed(folder: Path) -> None:
    gone = folder / "gone"
    line = f'mkdir {gone}; cd {gone}; rmdir {gone}; PYTHONPATH={ROOT} "$@"'
    module, store = str(folder / "flows.py:sales"), str(folder / "new.db")

    for arguments in (
        ("list",),
        ("run", "flows:sales", "--store", store),
        ("run", module, "--store", store),
    ):
        told = shell(line, folder, *arguments)
        assert (told.returncode, len(told.stderr.splitlines())) == (2, 1)
        assert "was removed" in told.stderr
