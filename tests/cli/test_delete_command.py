from __future__ import annotations

from pathlib import Path

import click
import pytest

from tests.support.command import answer, call, running
from tests.support.terminal import terminal


def test_by_id_and_from_standard_input(folder: Path) -> None:
    failed = call("list", "--status", "FAILED", "--ids").stdout
    assert call("delete", "-", stdin=failed).stdout == f"deleted {failed}"
    assert len(answer("list")) == 1
    assert answer("delete", "SCENARIO_sales")[0]["error"] is None
    assert answer("list") == []


def test_by_filters_after_a_look(folder: Path) -> None:
    seen = call("delete", "--tag", "nightly", "--dry-run").stdout
    assert seen.startswith("would delete SUBMISSION_")
    asked = call("delete", "--tag", "nightly", code=2).output
    assert "say --yes, or look with --dry-run" in asked
    call("delete", "--scenarios", "--tag", "nightly", "--yes")
    assert [one["config_id"] for one in answer("list", "scenarios")] == ["bad"]
    assert "nothing is found" in call("delete", "--tag", "nightly").stderr


def test_what_runs_is_not_deleted(folder: Path) -> None:
    with running(folder):
        told = call("delete", "last", code=1).stdout
        assert "is not deleted:" in told
        assert "has not ended" in told
        assert len(answer("list")) == 3


@pytest.mark.parametrize(("key", "left"), [("y", 0), ("n", 2)])
def test_somebody_is_asked_in_a_terminal(folder: Path, key: str, left: int) -> None:
    arguments = ("-m", "asyncflow", "delete", "--newer", "1h")

    with terminal(*arguments, folder=folder) as screen:
        screen.until(r"Delete these 2\? \[y/N\]: ")
        screen.type(f"{key}\n")
        assert screen.ended() == 0

    assert len(answer("list")) == left


def test_ctrl_c_at_the_question_deletes_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> bool:
        raise click.Abort

    monkeypatch.setattr("asyncflow.cli.delete_command.is_confirmed", interrupted)
    assert "interrupted" in call("delete", "--newer", "1h", code=130).stderr
    assert len(answer("list")) == 2
