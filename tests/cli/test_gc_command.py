from __future__ import annotations

from pathlib import Path

from tests.support.command import answer, call


def test_old_runs_go_after_a_look(folder: Path) -> None:
    seen = answer("gc", "--keep", "1", "--dry-run")
    assert (seen["submissions"], seen["jobs"], seen["dry_run"]) == (1, 2, True)
    assert "logs" not in call("gc", "--keep", "1", "--dry-run").stdout
    assert len(answer("list")) == 2
    gone = answer("gc", "--keep", "1")
    assert (gone["submissions"], gone["jobs"]) == (1, 2)
    (left,) = answer("list")
    assert left["config_id"] == "bad"
    assert answer("gc", "--older", "1h")["submissions"] == 0
    assert "Removed runs:" in call("gc", "--older", "0s").stdout
    assert answer("list") == []
    assert len(answer("list", "scenarios")) == 2


def test_what_jobs_printed_goes_alone(folder: Path) -> None:
    seen = answer("gc", "--keep", "0", "--logs", "--dry-run")
    assert (seen["submissions"], seen["logs"]) == (0, 2)
    assert answer("gc", "--keep", "0", "--logs")["logs"] == 4
    assert call("logs").stdout == ""
    assert len(answer("list")) == 2
