from __future__ import annotations

import json
from pathlib import Path

import pytest

from asyncflow.cli.records import reader
from asyncflow.cli.selecting import is_confirmed, selected

ASKED = {"dry_run": False, "yes": False}


def test_one_that_was_named_needs_no_question() -> None:
    assert is_confirmed("Delete", ["SUBMISSION_1"], ASKED, as_json=False)
    assert is_confirmed("Delete", ["1", "2"], {**ASKED, "yes": True}, as_json=False)
    assert not is_confirmed("Delete", [], {**ASKED, "yes": True}, as_json=False)


@pytest.mark.parametrize("answer", ["y", "n"])
def test_somebody_is_asked_where_it_is_much(
    monkeypatch: pytest.MonkeyPatch, answer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    class Keyboard:
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Keyboard())
    asked: list[str] = []

    def ask(text: str, **_: object) -> bool:
        asked.append(text)
        return answer == "y"

    monkeypatch.setattr("click.confirm", ask)
    ids = [f"SUBMISSION_{number}" for number in range(12)]
    assert is_confirmed("Delete", ids, ASKED, as_json=False) == (answer == "y")
    assert "SUBMISSION_9" in capsys.readouterr().err
    assert asked == ["Delete these 12 (and 2 more)?"]


def test_what_is_named_twice_is_meant_once(folder: Path) -> None:
    with reader(None) as store:
        found = selected(store, ["last", "last"], ["SUBMISSION"], {})
        assert len(found) == 1


@pytest.mark.parametrize("found", [[], ["SUBMISSION_1"]])
def test_what_would_be_done_is_json_where_json_is_asked_for(
    found: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert not is_confirmed("Delete", found, {**ASKED, "dry_run": True}, as_json=True)
    told = [{"id": one, "would": "delete"} for one in found]
    assert json.loads(capsys.readouterr().out) == told
