from __future__ import annotations

from pathlib import Path

from tests.support.command import answer, call


def test_what_two_scenarios_have_otherwise(folder: Path) -> None:
    shown = call("diff", "SCENARIO_sales", "SCENARIO_bad").stdout
    assert "config_id: 'sales' -> 'bad'" in shown
    assert "result: only the first has this data node" in shown
    runs = call("list", "--ids").stdout.split()
    found = answer("diff", *runs, "-m", "flows")
    assert not found["is_same"]
    assert found["attributes"]["config_id"] == ["bad", "sales"]
    assert found["same"] == ["year", "rows"]


def test_nothing_is_otherwise(folder: Path) -> None:
    call("diff", "last", "last", "--exit-code")
    assert answer("diff", "last", "last")["is_same"]
    call("diff", "SCENARIO_sales", "SCENARIO_bad", "--exit-code", code=1)
