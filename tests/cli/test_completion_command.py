from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.command import call, spawned


@pytest.mark.parametrize("shell", ["zsh", "fish", "bash"])
def test_a_script_for_each_shell(shell: str) -> None:
    script = call("completion", shell).stdout
    assert f"_ASYNCFLOW_COMPLETE={shell}_complete" in script


@pytest.mark.parametrize(
    ("typed", "start"),
    [
        ("st", "plain,store"),
        ("show JOB_t", "plain,JOB_total_"),
        ("show la", "plain,last"),
        ("run fl", "plain,flows\n"),
        ("config check fl", "plain,flows\n"),
        ("list --sta", "plain,--status"),
    ],
)
def test_commands_and_ids_are_completed(folder: Path, typed: str, start: str) -> None:
    words = f"asyncflow {typed}"
    ran = spawned(
        folder=folder,
        _ASYNCFLOW_COMPLETE="bash_complete",
        COMP_WORDS=words,
        COMP_CWORD=str(len(words.split()) - 1),
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith(start)
