from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.command import FLOWS, SLOW, answer, call, running


def test_what_failed_runs_again_alone(folder: Path) -> None:
    mended = FLOWS.replace('raise ValueError("no such rows")', "return len(rows)")
    (folder / "flows.py").write_text(mended)
    done = answer("retry", "last", "-m", "flows")
    assert (done["status"], [job["task"] for job in done["jobs"]]) == (
        "COMPLETED",
        ["broken"],
    )
    assert len(answer("list")) == 3
    nothing = call("retry", "last", "-m", "flows", code=2).output
    assert "nothing is left to retry" in nothing


def test_several_by_a_filter(folder: Path) -> None:
    seen = call("retry", "--status", "FAILED", "-m", "flows", "--dry-run").stdout
    assert seen.startswith("would retry SUBMISSION_")
    again = call("retry", "--status", "FAILED", "-m", "flows", "--yes", code=1)
    assert "1 FAILED" in again.stdout


def test_a_run_that_was_killed_goes_on(folder: Path) -> None:
    with running(folder) as process:
        process.kill()
        process.wait()
        (folder / "slow.py").write_text(SLOW.replace("range(600)", "range(2)"))
        done = answer("retry", "last", "-m", "slow.py", "--mode", "development")

    assert done["status"] == "COMPLETED"
    (only,) = answer("list", "--config", "slow")
    assert only["id"] == done["id"]


def test_the_module_has_to_be_given(folder: Path) -> None:
    told = call("retry", "last", code=2).output
    assert "which module declares 'bad': give -m MODULE" in told
    assert "ASYNCFLOW_MODULE: -m flows.py names it" in told
    (folder / "flows.py").rename(folder / "moved.txt")
    assert "names it" not in call("retry", "last", code=2).output


def test_the_environment_may_give_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASYNCFLOW_MODULE", "flows")
    assert answer("retry", "last", code=1)["status"] == "FAILED"
