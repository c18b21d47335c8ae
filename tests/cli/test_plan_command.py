from __future__ import annotations

from pathlib import Path

from tests.support.command import FLOWS, answer, call


def test_a_new_scenario_runs_all(folder: Path) -> None:
    first, second = answer("plan", "flows:sales", "--set", "year=1999")
    assert (first["step"], first["task"], first["runs"]) == (1, "extract", True)
    assert first["reads"] == {"year": "1999"}
    assert first["last_duration"] is not None
    assert (second["step"], second["reads"]) == (2, {"rows": "(made by the run)"})
    assert "2 of 2 tasks would run" in call("plan", "flows:sales").stderr
    assert len(answer("list", "scenarios")) == 2  # nothing was made


def test_one_that_is_there_skips_what_is_as_it_was(folder: Path) -> None:
    first, second = answer("plan", "flows:sales", "--of", "SCENARIO_sales")
    assert (first["runs"], second["runs"]) == (False, True)
    assert "are the same" in first["reason"]
    first, _ = answer("plan", "flows:sales", "--of", "SCENARIO_sales", "--force")
    assert first["runs"]


def test_a_long_value_is_shortened_and_no_store_is_needed(folder: Path) -> None:
    long = FLOWS.replace("default_data=2025", "default_data='x' * 1000")
    (folder / "flows.py").write_text(long)
    first, _ = answer("plan", "flows:sales", "--store", "nowhere.db")
    assert len(first["reads"]["year"]) == 60
    assert first["last_duration"] is None
    both = ("--of", "last", "--set", "year=1")
    assert "leave out --of" in call("plan", "flows:sales", *both, code=2).output
