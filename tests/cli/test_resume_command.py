from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.command import answer, call, running


def test_what_is_not_paused_goes_on_as_it_did(folder: Path) -> None:
    with running(folder):
        assert "goes on" in call("resume", "last").stdout
        assert answer("list", "-n", "1")[0]["is_paused"] is False


@pytest.mark.parametrize(
    ("arguments", "words"),
    [((), "give ids, `last`"), (("JOB_total",), "this takes a submission")],
)
def test_what_is_meant_is_asked_for(
    folder: Path, arguments: tuple[str, ...], words: str
) -> None:
    assert words in call("resume", *arguments, code=2).output
