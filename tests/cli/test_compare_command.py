from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.command import FLOWS, answer, call

COMPARED = FLOWS.replace(
    "[extracting, totalling])",
    "[extracting, totalling], comparators={result: spread})",
).replace(
    "config =", "def spread(*values):\n    return max(values) - min(values)\n\nconfig ="
)


@pytest.fixture
def pair(folder: Path) -> list[str]:
    (folder / "flows.py").write_text(COMPARED)
    call("run", "flows:sales", "--set", "year=2030")
    return call("list", "scenarios", "--config", "sales", "--ids").stdout.split()


def test_comparators_say_what_they_see(folder: Path, pair: list[str]) -> None:
    assert answer("compare", *pair, "-m", "flows") == {"result": {"spread": 5}}
    assert call("compare", *pair, "-m", "flows").stdout == "result spread: 5\n"


def test_what_cannot_be_compared_is_told(folder: Path, pair: list[str]) -> None:
    for few in ([], pair[:1]):
        said = call("compare", *few, code=2).output
        assert "give the ids of at least two scenarios" in said

    node = call("compare", *pair, "-m", "flows", "--node", "rows", code=2).output
    assert "no comparator for 'rows'" in node
