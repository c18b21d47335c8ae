from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from asyncflow.cli.group import COMMANDS
from tests.support.command import call
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
