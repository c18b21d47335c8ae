"""What cells hold, and what becomes of them."""

from __future__ import annotations

import datetime
import gc
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import xlsxwriter

from asyncflow.drivers._cells import MANY, forget_cells, pause_for, unify_dates
from asyncflow.drivers.excel import ExcelDriver, ExcelOptions
from asyncflow.errors import DataNodeReadingError, DataNodeWritingError

pytestmark = pytest.mark.usefixtures("tables_are_warm")

NOON = datetime.datetime.fromisoformat("2024-01-01T12:00")
DAY = NOON.date()
MIDNIGHT = datetime.datetime.fromisoformat("2024-01-01T00:00")


def test_midnight_is_a_time_among_times() -> None:
    lines: list[list[Any]] = [[DAY, DAY, NOON, 1], [DAY, NOON, None, DAY]]
    unify_dates(lines)
    assert lines == [[DAY, MIDNIGHT, NOON, 1], [DAY, NOON, None, DAY]]


@pytest.mark.parametrize("exposed", ["polars", "arrow", "list[dict]"])
def test_a_column_of_times_with_midnight(tmp_path: Path, exposed: str) -> None:
    options = ExcelOptions(exposed_type=exposed, sheet_name="one")
    driver = ExcelDriver(str(tmp_path / "own.xlsx"), options)
    path = str(tmp_path / "A-1.value")
    driver.publish(driver.write([{"at": MIDNIGHT}, {"at": NOON}], path, "node"), path)
    found: Any = driver.read(None)
    rows = found if exposed == "list[dict]" else pl.DataFrame(found).to_dicts()
    assert rows == [{"at": MIDNIGHT}, {"at": NOON}]


def test_a_column_of_several_types_is_told_of(tmp_path: Path) -> None:
    path = tmp_path / "own.xlsx"
    pd.DataFrame({"a": [1, "n/a"]}).to_excel(path, index=False, engine="xlsxwriter")
    options = ExcelOptions(exposed_type="arrow", sheet_name="Sheet1")

    with pytest.raises(DataNodeReadingError, match="one type in each column") as caught:
        ExcelDriver(str(path), options).read(None)

    assert caught.value.place == str(path)


def test_the_cells_of_a_workbook_are_let_go() -> None:
    with xlsxwriter.Workbook(BytesIO(), {"in_memory": True}) as book:
        sheet = book.add_worksheet("one")
        sheet.write_row(0, 0, [1, "a"])

    forget_cells(book)
    assert [*sheet.table.values()] == [{}]


@pytest.mark.parametrize(
    "make",
    [
        lambda rows: [{"a": 1}] * rows,
        lambda rows: {"a": [1] * rows},
        lambda rows: pd.DataFrame({"a": range(rows)}),
        lambda rows: pl.DataFrame({"a": [1] * rows}),
        lambda rows: np.zeros((rows, 2)),
    ],
    ids=["rows", "columns", "pandas", "polars", "numpy"],
)
def test_no_garbage_is_collected_while_much_is_written(
    make: Callable[[int], Any],
) -> None:
    with pause_for([make(MANY // 2)]):
        assert gc.isenabled()

    with pause_for([make(MANY // 2), make(MANY // 2)]):
        assert not gc.isenabled()

    assert gc.isenabled()


OLD = datetime.date.fromisoformat("1899-12-31")


@pytest.mark.parametrize("exposed", ["pandas", "polars", "list[dict]"])
@pytest.mark.parametrize("column", [[OLD, None], [pd.Timestamp(OLD)], [pd.NaT, OLD]])
def test_days_that_a_cell_cannot_hold_are_refused(
    tmp_path: Path, exposed: str, column: list[Any]
) -> None:
    made = ExcelDriver(str(tmp_path / "own"), ExcelOptions(exposed_type=exposed))

    with pytest.raises(DataNodeWritingError, match=r"'node'.*before 1900.*write text"):
        made.write([{"a": one} for one in column], str(tmp_path / "A-1.value"), "node")

    assert not [*tmp_path.iterdir()]


def test_columns_that_a_sheet_cannot_name(tmp_path: Path) -> None:
    made = ExcelDriver(str(tmp_path / "own"))
    frame = pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("a", "b")]))

    with pytest.raises(DataNodeWritingError, match="'node': a workbook cannot hold"):
        made.write(frame, str(tmp_path / "A-1.value"), "node")
