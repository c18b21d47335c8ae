"""A condition picks the same rows of a frame, whatever keeps it."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from asyncflow.abc import Driver
from asyncflow.drivers.parquet import ParquetDriver, ParquetOptions
from asyncflow.drivers.pickle import PickleDriver
from asyncflow.entities.parts import Column
from asyncflow.errors import DataNodeReadingError
from asyncflow.filters import Operator, as_where

SIZES = pd.CategoricalDtype(["small", "medium", "large"], ordered=True)
FRAME = pd.DataFrame(
    {
        "size": pd.Series(["large", "small", "medium"], dtype=SIZES),
        "color": pd.Series(["red", "green", "red"], dtype="category"),
        "part": pd.Series([0.1, 0.2, 0.3], dtype="float32"),
        "day": [datetime.date(2024, 1, day) for day in (1, 2, 3)],
        "at": [datetime.datetime.fromisoformat(f"2024-01-0{day}") for day in (1, 2, 3)],
        "zoned": [
            datetime.datetime(2024, 1, day, tzinfo=datetime.UTC) for day in (1, 2, 3)
        ],
    }
)


@pytest.fixture(scope="module")
def drivers(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Driver, Any]]:
    folder = tmp_path_factory.mktemp("same")
    found: list[tuple[Driver, Any]] = []

    for name, made in {
        "pickle": PickleDriver(),
        "parquet": ParquetDriver(None, ParquetOptions()),
        "memory": ParquetDriver(
            None, ParquetOptions(read_options={"engine": "pyarrow"})
        ),
    }.items():
        path = str(folder / name)
        found.append((made, made.publish(made.write(FRAME, path, "node"), path)))

    return found


@pytest.mark.parametrize("how", Operator)
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("size", "medium"),
        ("size", "huge"),
        ("color", "red"),
        ("part", 0.2),
        ("part", np.float64(0.2)),
        ("day", pd.Timestamp(2024, 1, 2)),
        ("day", datetime.date(2024, 1, 2)),
        ("day", "2024-01-02"),
        ("at", datetime.date(2024, 1, 2)),
        ("at", np.datetime64("2024-01-02")),
        ("at", "2024-01-02"),
        ("at", "soon"),
        ("at", 3),
        ("zoned", datetime.datetime(2024, 1, 2, tzinfo=datetime.UTC)),
        ("zoned", datetime.date(2024, 1, 2)),
    ],
    ids=lambda value: f"{type(value).__name__}-{value}",
)
def test_the_same_rows(
    drivers: list[tuple[Driver, Any]], column: str, value: object, how: Operator
) -> None:
    results = []

    for driver, kept in drivers:
        try:
            found: Any = driver.read(kept, where=as_where((column, value, how)))
            results.append([*found["at"].dt.day])
        except DataNodeReadingError as error:
            if "cannot be compared" not in str(error):
                raise

            results.append([])

    assert results[0] == results[1] == results[2]


def test_a_folder_is_asked_by_the_order_of_its_categories(tmp_path: Path) -> None:
    (tmp_path / "year=2024").mkdir()
    FRAME[["size"]].to_parquet(tmp_path / "year=2024" / "one.parquet")
    made = ParquetDriver(str(tmp_path), ParquetOptions())
    found: Any = made.read(None, where=as_where(("size", "medium", ">=")))
    assert [*found["size"]] == ["large", "medium"]


NUMBERED = pd.DataFrame(np.array([[1, 2], [3, 4]]), index=pd.Index([5, 6], name="k"))


@pytest.mark.parametrize(
    "made",
    [
        PickleDriver(),
        ParquetDriver(None, ParquetOptions()),
        ParquetDriver(None, ParquetOptions(read_options={"engine": "pyarrow"})),
    ],
    ids=["pickle", "parquet", "pandas"],
)
def test_columns_with_numbers_for_names_and_an_index(
    made: Driver, tmp_path: Path
) -> None:
    path = str(tmp_path / "value")
    kept = made.publish(made.write(NUMBERED, path, "node"), path)

    for name in (0, "0"):
        part: Any = made.read(kept, columns=[name])  # type: ignore[list-item]  # a number
        assert part.to_dict("list") == {0: [1, 3]}
        assert [*Column(name)(made, kept)] == [1, 3]
        rows: Any = made.read(kept, where=as_where((name, 3)))
        assert rows.to_dict("list") == {0: [3], 1: [4]}
        assert [*rows.index] == [6]

    rows = made.read(kept, where=as_where(("k", 5)))
    assert rows.to_dict("list") == {0: [1], 1: [2]}

    with pytest.raises(DataNodeReadingError, match="'k' is its index, and no column"):
        Column("k")(made, kept)
