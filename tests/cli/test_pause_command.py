from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.command import answer, call, running


def test_a_run_of_another_process_is_paused_and_goes_on(folder: Path) -> None:
    with running(folder):
        assert "is paused" in call("pause", "last").stdout
        assert "asyncflow resume" in call("show", "last").stdout
        assert answer("list", "-n", "1")[0]["is_paused"] is True
        (one,) = answer("resume", "--config", "slow", "--yes")
        assert one["error"] is None
        assert answer("list", "-n", "1")[0]["is_paused"] is False
        assert "would pause SUB" in call("pause", "last", "--dry-run").stdout
        scenario = answer("list", "-n", "1")[0]["scenario_id"]
        assert "would pause SUB" in call("pause", scenario, "--dry-run").stdout
        assert answer("list", "-n", "1")[0]["is_paused"] is False


def test_a_run_whose_process_has_died_cannot_be_asked(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asyncflow.recovery.remote_runs.PATIENCE", 0.2)

    with running(folder) as process:
        process.kill()
        process.wait()
        assert "its process has ended" in call("pause", "last", code=1).stdout


def test_what_has_ended_stays_as_it_is(folder: Path) -> None:
    done = call("pause", "last")
    assert (done.stdout, "nothing runs" in done.stderr) == ("", True)
