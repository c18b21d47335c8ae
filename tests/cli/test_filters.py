from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path

import click
import pytest

from asyncflow.cli.filters import age, are_given, matching, wanted
from asyncflow.cli.records import reader

PARAMETER = click.Option(["--newer"])
CONTEXT = click.Context(click.Command("list"))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("15 m", 900), ("2h", 7200), ("1.5d", 129600), ("1w", 604800)],
)
def test_an_age_is_how_long_ago(text: str, seconds: float) -> None:
    found = age(CONTEXT, PARAMETER, text)
    assert found is not None
    assert time.time() - found == pytest.approx(seconds, abs=5)


def test_an_age_is_a_date() -> None:
    assert (
        age(CONTEXT, PARAMETER, "2026-01-31")
        == datetime.fromisoformat("2026-01-31").timestamp()
    )
    assert age(CONTEXT, PARAMETER, None) is None

    with pytest.raises(click.BadParameter, match="write 90s"):
        age(CONTEXT, PARAMETER, "yesterday")


def test_what_filters_mean(folder: Path) -> None:
    assert not are_given({"status": (), "json": True})
    assert are_given({"tag": "nightly"})

    with reader(None) as store:
        (one,) = matching(store, "SUBMISSION", {"tag": "nightly"})
        assert one.startswith("SUBMISSION_")
        assert len(matching(store, "SUBMISSION", {"older": time.time() + 60})) == 2

        with pytest.raises(click.UsageError, match="lists the runs"):
            wanted(store, "scenario", {"scenario": "last"})
