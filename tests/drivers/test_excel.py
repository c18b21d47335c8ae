"""Excel: sheets by name, what a cell can hold."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from asyncflow.drivers.excel import ExcelDriver, ExcelOptions
from asyncflow.errors import DataNodeReadingError, DataNodeWritingError

pytestmark = pytest.mark.usefixtures("tables_are_warm")

ONE, TWO = pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"b": ["x", None]})


def driver(path: object = None, **options: Any) -> ExcelDriver:
    return ExcelDriver(None if path is None else str(path), ExcelOptions(**options))


def through(made: ExcelDriver, folder: Path, value: Any) -> Any:
    path = str(folder / "A-1.value")
    return made.read(made.publish(made.write(value, path, "node"), path))


def test_without_a_name_all_sheets_are_read(tmp_path: Path) -> None:
    path = tmp_path / "own.xlsx"
    found = through(driver(path), tmp_path, {"one": ONE, "two": TWO})
    assert [*found] == ["one", "two"]
    assert found["one"].equals(ONE)
    only: Any = driver(path, sheet_name="one").read(None)
    assert only.equals(ONE)
    several: Any = driver(path, sheet_name=["two"]).read(None)
    assert [*several] == ["two"]
    assert [*through(driver(), tmp_path, ONE)] == ["Sheet1"]


def test_the_sheets_of_a_value_are_those_of_the_data_node(tmp_path: Path) -> None:
    made = driver(sheet_name=["one", "two"])
    assert [*through(made, tmp_path, {"two": TWO, "one": ONE})] == ["one", "two"]

    for value in (ONE, {"one": ONE}, {"one": ONE, "three": TWO}):
        with pytest.raises(
            DataNodeWritingError, match=r"'node': its sheets are one, two"
        ):
            made.write(value, str(tmp_path / "A-2.value"), "node")


def test_a_wrong_sheet_is_told_with_the_known(tmp_path: Path) -> None:
    path = tmp_path / "own.xlsx"
    through(driver(path), tmp_path, {"one": ONE})

    with pytest.raises(
        DataNodeReadingError, match=r"own\.xlsx.*'two': use one of 'one'"
    ):
        driver(path, sheet_name="two").read(None)


@pytest.mark.parametrize("exposed", ["pandas", "list[dict]"])
def test_what_a_cell_cannot_hold_is_refused(tmp_path: Path, exposed: str) -> None:
    late = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)

    for value in ([{"a": late}], 3):
        with pytest.raises(DataNodeWritingError, match="'node'"):
            driver(exposed_type=exposed).write(
                value, str(tmp_path / "A-1.value"), "node"
            )

    assert [*tmp_path.iterdir()] == []


def test_plain_rows_come_back(tmp_path: Path) -> None:
    rows = [
        {"a": 1, "b": "=1+1", "c": 1.5, "d": datetime.date(2024, 1, 2), "e": True},
        {"a": 2, "b": "http://x", "c": None, "d": None, "e": False},
    ]
    made = driver(exposed_type="list[dict]", sheet_name="s")
    assert through(made, tmp_path, rows) == rows
    plain = driver(exposed_type="list[dict]", sheet_name="s", has_header=False)
    assert through(plain, tmp_path, [{"0": 1, "1": "x"}]) == [{"0": 1, "1": "x"}]


@pytest.mark.parametrize("content", [b"", b"PK\3\4 no workbook"])
def test_what_is_no_workbook_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "own.xlsx"
    path.write_bytes(content)

    with pytest.raises(DataNodeReadingError, match="no whole excel"):
        driver(path).read(None)


def append(made: ExcelDriver, value: Any, path: str = "A-3.value") -> None:
    made.publish(made.append(value, None, path, "node"), path)


@pytest.mark.parametrize("exposed", ["pandas", "polars", "list[dict]"])
def test_rows_are_added_and_other_sheets_stay(tmp_path: Path, exposed: str) -> None:
    path = tmp_path / "own.xlsx"
    day = datetime.datetime.fromisoformat("2024-05-01T12:30")
    first = pd.DataFrame({"a": [1], "day": [day], "b": ["=x"]})
    two = [{"b": "x"}, {"b": None}]
    whole = driver(path, exposed_type="list[dict]")
    assert through(whole, tmp_path, {"one": first, "two": two})["two"] == two
    made = driver(path, sheet_name="one", exposed_type=exposed)
    append(made, [{"b": None, "day": day, "a": 2.5}])
    assert whole.read(None) == {
        "one": [{"a": 1, "day": day, "b": "=x"}, {"a": 2.5, "day": day, "b": None}],
        "two": two,
    }
    expected = "'node': the columns c cannot be appended to a, day, b of sheet 'one'"

    with pytest.raises(DataNodeWritingError, match=expected):
        append(made, [{"c": 1}])


def test_rows_are_added_to_the_only_sheet_or_to_a_new_one(tmp_path: Path) -> None:
    path = tmp_path / "own.xlsx"
    made = driver(path, exposed_type="list[dict]")
    append(made, {"one": [{"a": 1}]})
    append(made, [{"a": 2}])
    append(made, {"two": [{"b": 3}]})
    rows = {"one": [{"a": 1}, {"a": 2}], "two": [{"b": 3}]}
    assert made.read(None) == rows
    append(made, [{"a": 5}])  # of which nobody says where
    assert made.read(None) == {**rows, "Sheet1": [{"a": 5}]}


def test_rows_without_a_header_are_added(tmp_path: Path) -> None:
    path = tmp_path / "own.xlsx"
    options = {"has_header": False, "exposed_type": "list[dict]", "sheet_name": "one"}
    made = driver(path, **options)
    made.publish(made.write([{"0": 1, "1": 2}], "A-1.value", "node"), "A-1.value")
    append(made, [{"0": 3, "1": 4}])
    assert made.read(None) == [{"0": 1, "1": 2}, {"0": 3, "1": 4}]


class Item:
    def __init__(self, a: int) -> None:
        self.a = a


@pytest.mark.parametrize(
    "exposed",
    [
        {"one": "pandas", "two": "list[dict]", "three": Item},
        ["pandas", "list[dict]", Item],
    ],
)
def test_each_sheet_has_an_exposed_type(tmp_path: Path, exposed: Any) -> None:
    path = tmp_path / "own.xlsx"
    names = ["one", "two", "three"]
    made = driver(path, exposed_type=exposed, sheet_name=names)
    items = [Item(5), Item(6)]
    found = through(made, tmp_path, {"one": ONE, "two": [{"b": 1}], "three": items})
    assert found["one"].equals(ONE)
    assert found["two"] == [{"b": 1}]
    assert [one.a for one in found["three"]] == [5, 6]
    assert {"pandas", "xlsxwriter"} <= made.needs(made.options).keys()
    plain = ExcelOptions(exposed_type={"one": "dict"}, sheet_name=["one"])
    assert "pandas" not in ExcelDriver.needs(plain)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"exposed_type": ["pandas"]}, "has 1 types, sheet_name 0 names"),
        (
            {"exposed_type": ["pandas"], "sheet_name": ["a", "b"]},
            "1 types, sheet_name 2",
        ),
        ({"exposed_type": {"c": "pandas"}, "sheet_name": ["a"]}, "has no c"),
        ({"exposed_type": {"c": "panda"}}, "'panda' is no exposed type"),
    ],
)
def test_exposed_types_belong_to_sheets(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ExcelOptions(**options)


@pytest.mark.parametrize("exposed", ["pandas", "polars", "list[dict]"])
def test_more_than_a_cell_or_a_sheet_holds_is_refused(
    tmp_path: Path, exposed: str
) -> None:
    made = driver(tmp_path / "own.xlsx", exposed_type=exposed, sheet_name="one")
    long = {"a": "x" * 32_767}
    rows: Any = through(made, tmp_path, [long])
    assert (rows if exposed == "list[dict]" else [{"a": rows["a"][0]}]) == [long]

    for value in ([{"a": "x" * 32_768}], [{"x" * 32_768: 1}]):
        with pytest.raises(DataNodeWritingError, match=r"'node': .*32767 letters"):
            made.write(value, str(tmp_path / "A-1.value"), "node")

    with pytest.raises(DataNodeWritingError, match="data node 'node': "):
        made.write([[1] * 16_385], str(tmp_path / "A-1.value"), "node")


@pytest.mark.parametrize("ending", [".ods", ".xls", ".XLSM", ".xlsb"])
def test_other_workbooks_are_not_written(tmp_path: Path, ending: str) -> None:
    made = driver(tmp_path / f"own{ending}")
    path = str(tmp_path / "A-1.value")

    with pytest.raises(DataNodeWritingError, match=r"'node': .*ends in .*\.xlsx"):
        made.write([{"a": 1}], path, "node")

    with pytest.raises(DataNodeWritingError, match=r"'node': .*ends in .*\.xlsx"):
        made.append([{"a": 1}], None, path, "node")

    assert not [*tmp_path.iterdir()]
