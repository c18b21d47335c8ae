from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from tests.support.command import SLOW, answer, call


def test_what_a_module_declares(folder: Path) -> None:
    assert call("graph", "flows:sales").stdout == (
        "1  extract  year → rows\n2  total    rows → result\n"
    )
    assert answer("graph", "flows:sales")["tasks"][0]["status"] is None


def test_a_run_with_its_statuses(folder: Path) -> None:
    shown = call("graph", "last").stdout
    assert "✓ COMPLETED" in shown
    assert "✗ FAILED" in shown
    assert call("graph", "SCENARIO_bad").stdout == shown
    statuses = {one["task"]: one["status"] for one in answer("graph", "last")["tasks"]}
    assert statuses == {"extract": "COMPLETED", "broken": "FAILED"}


def test_the_forms(folder: Path) -> None:
    assert call("graph", "last", "--form", "mermaid").stdout.startswith("flowchart LR")
    ElementTree.fromstring(call("graph", "flows:bad", "--form", "svg").stdout)
    call("graph", "last", "-o", "run.svg")
    ElementTree.fromstring((folder / "run.svg").read_text())
    assert ".svg, .mmd" in call("graph", "last", "-o", "run.pdf", code=2).output


def test_a_module_with_one_scenario_says_it(folder: Path) -> None:
    (folder / "single.py").write_text(SLOW)
    assert "wait  first" in call("graph", "single").stdout
    assert "wait  first" in call("graph", "single.py").stdout
