"""What types columns of CSV have for Polars: those of all of their cells."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from asyncflow.drivers import _polars_types
from asyncflow.drivers._polars_types import read_guessing

DAYS = ["2020-01-01", "2020-01-02", "2020-01-03"]


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_polars_types, "SAMPLE", 3)


def guessed(cells: list[str], **given: Any) -> Any:
    text = "a,b\n" + "".join(f"{cell},1\n" for cell in cells)
    given = {"try_parse_dates": True, **given}
    return read_guessing(pl, text.encode(), given)["a"]


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "2", "3"], pl.Int64),
        (["1", "2", "3", "1.5"], pl.Float64),
        (["1", "2", "3", "x"], pl.String),
        (["1", "2", "3", "9" * 25], pl.Int128),
        (["", "", "", "5"], pl.Int64),
        (["", "", "", ""], pl.String),
        (["x", "y", "z", "1"], pl.String),
        ([*DAYS, ""], pl.Date),
        (["", "", "", *DAYS], pl.Date),
        ([*DAYS, "x"], pl.String),
        ([*DAYS, "01/02/2020"], pl.String),
        (["", "", "", "2020-01-01T10:00:00", "2020-01-01T10:00:01"], pl.Datetime),
        (["", "", "", "10:00:00", "10:00:01"], pl.Time),
        (["", "", "", "12-a"], pl.String),
    ],
)
def test_a_type_is_that_of_all_cells(cells: list[str], kind: Any) -> None:
    found = guessed(cells)
    assert found.dtype == kind
    assert [one is None for one in found] == [not cell for cell in cells]


def test_dates_are_texts_where_that_is_asked_for() -> None:
    assert guessed([*DAYS, ""], try_parse_dates=False).dtype == pl.String
    assert guessed(["", "", "", *DAYS], try_parse_dates=False).dtype == pl.String
