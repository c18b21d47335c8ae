"""Parquet: types stay, folders and patterns are read, parts are all that is read."""

from __future__ import annotations

import datetime
import os
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import dataset, parquet

from asyncflow.drivers.parquet import ParquetDriver, ParquetOptions
from asyncflow.errors import DataNodeReadingError, DataNodeWritingError
from asyncflow.filters import Condition, Operator
from asyncflow.selection import preview
from asyncflow.testing._driver import equal
from tests.support import programs

pytestmark = pytest.mark.usefixtures("tables_are_warm")

UTC = datetime.UTC
COLUMNS: dict[str, tuple[Any, Any]] = {
    "int": (st.integers(-(2**63), 2**63 - 1), pa.int64()),
    "float": (st.floats(allow_nan=False), pa.float64()),
    "text": (st.text(st.characters(codec="utf-8")), pa.string()),
    "flag": (st.booleans(), pa.bool_()),
    "bytes": (st.binary(max_size=8), pa.binary()),
    "day": (st.dates(), pa.date32()),
    "time": (
        st.datetimes(
            datetime.datetime(1970, 1, 1),  # noqa: DTZ001
            datetime.datetime(2200, 1, 1),  # noqa: DTZ001
            timezones=st.just(UTC),
        ),
        pa.timestamp("us", "UTC"),
    ),
    "list": (st.lists(st.integers(0, 9), max_size=3), pa.list_(pa.int64())),
}


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    count = draw(st.integers(0, 5))
    names = draw(st.lists(st.sampled_from([*COLUMNS]), min_size=1, unique=True))
    made = {}

    for name in names:
        cells, kind = COLUMNS[name]
        column = st.lists(st.none() | cells, min_size=count, max_size=count)
        made[name] = pa.array(draw(column), kind)

    return pa.table(made)


def driver(path: object = None, **options: Any) -> ParquetDriver:
    return ParquetDriver(None if path is None else str(path), ParquetOptions(**options))


def through(made: ParquetDriver, folder: Path, value: Any) -> Any:
    path = str(folder / "A-1.value")
    return made.read(made.publish(made.write(value, path, "node"), path))


few = settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@few
@given(table=tables())
def test_types_stay_in_arrow(table: pa.Table, tmp_path: Path) -> None:
    assert through(driver(exposed_type="arrow"), tmp_path, table).equals(table)


@few
@given(table=tables())
def test_types_stay_in_polars(table: pa.Table, tmp_path: Path) -> None:
    frame = pl.DataFrame(table)
    found = through(driver(exposed_type="polars"), tmp_path, frame)
    assert found.schema == frame.schema
    assert found.equals(frame)


@few
@given(table=tables())
def test_types_stay_in_pandas(table: pa.Table, tmp_path: Path) -> None:
    frame = table.to_pandas()
    found = through(driver(), tmp_path, frame)
    assert [*found.dtypes] == [*frame.dtypes]
    pd.testing.assert_frame_equal(found, frame)


@few
@given(table=tables())
def test_rows_stay_in_plain_python(table: pa.Table, tmp_path: Path) -> None:
    rows = table.to_pylist()
    assert through(driver(exposed_type="list[dict]"), tmp_path, table) == rows


def test_an_index_and_categories_stay(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"kind": pd.Categorical(["a", "b", "a"]), "size": [1, 2, 3]},
        index=pd.Index(["x", "y", "z"], name="key"),
    )
    made = driver(tmp_path / "own.parquet")
    pd.testing.assert_frame_equal(through(made, tmp_path, frame), frame)
    part = made.read(None, columns=["size"], where=Condition("size", 2, Operator("!=")))
    pd.testing.assert_frame_equal(part, frame.loc[["x", "z"], ["size"]])


def test_what_has_no_type_is_refused(tmp_path: Path) -> None:
    for value in ([{"a": 2**70}], pd.DataFrame({"a": [1, "x"]}), object(), 3):
        with pytest.raises(DataNodeWritingError, match="data node 'node'"):
            driver().write(value, str(tmp_path / "A-1.value"), "node")

    assert os.listdir(tmp_path) == []


def test_one_library_reads_what_another_wrote(tmp_path: Path) -> None:
    table = pa.table({"a": [1, 2], "b": ["x", None]})
    frames = {"pandas": table.to_pandas(), "polars": pl.DataFrame(table)}
    frames["arrow"] = table

    for writes, frame in frames.items():
        path = tmp_path / f"{writes}.parquet"
        through(driver(path, exposed_type=writes), tmp_path, frame)

        for reads, expected in frames.items():
            found: Any = driver(path, exposed_type=reads).read(None)

            if reads == "arrow":  # text may be of a larger kind
                found, expected = found.to_pylist(), expected.to_pylist()

            assert equal(found, expected)


@pytest.mark.parametrize("exposed", ["pandas", "polars", "arrow"])
def test_folders_and_patterns_are_read(tmp_path: Path, exposed: str) -> None:
    for year in (2023, 2024):
        folder = tmp_path / "all" / f"year={year}"
        folder.mkdir(parents=True)
        parquet.write_table(pa.table({"a": [year, 1]}), folder / "part.parquet")
        parquet.write_table(pa.table({"a": [year]}), tmp_path / f"p{year}.parquet")

    made = driver(tmp_path / "all", exposed_type=exposed)
    where = Condition("year", 2024)
    found: Any = made.read(None, columns=["a"], where=where)
    assert list(found["a"].to_pylist() if exposed == "arrow" else found["a"]) == [
        *(2024, 1)
    ]
    assert made.exists()
    before = made.fingerprint()
    parquet.write_table(pa.table({"a": [5]}), tmp_path / "all" / "more.parquet")
    assert made.fingerprint() != before

    pattern = driver(tmp_path / "p*.parquet", exposed_type=exposed)
    assert pattern.exists()
    assert len(pattern.read(None)) == 2  # type: ignore[arg-type]  # a table

    with pytest.raises(DataNodeWritingError, match="is a pattern, which is read"):
        pattern.write(pa.table({"a": [1]}), str(tmp_path / "A-1.value"), "node")

    with pytest.raises(FileNotFoundError, match="its file is not there"):
        driver(tmp_path / "q*.parquet").read(None)


def test_a_folder_is_appended_to_as_a_whole(tmp_path: Path) -> None:
    (tmp_path / "all").mkdir()
    made = driver(tmp_path / "all")

    for number in range(3):
        path = str(tmp_path / f"A-{number}.value")
        staged = made.append([{"a": number}], None, path, "node")
        assert len(os.listdir(tmp_path / "all")) == number, "it is not read yet"
        assert made.publish(staged, path) is None

    assert sorted(made.read(None)["a"]) == [0, 1, 2]  # type: ignore[index]  # a frame
    assert os.listdir(tmp_path) == ["all"]

    with pytest.raises(
        DataNodeWritingError, match="is a folder, which is read and not"
    ):
        made.write([{"a": 1}], str(tmp_path / "A-9.value"), "node")


def test_what_is_appended_has_the_columns_that_are_there(tmp_path: Path) -> None:
    made = driver(tmp_path / "own.parquet")
    through(made, tmp_path, [{"a": 1, "b": "x"}])

    with pytest.raises(DataNodeWritingError, match="'node': the columns a, c cannot"):
        made.append([{"a": 1, "c": "x"}], None, str(tmp_path / "A-2.value"), "node")

    assert os.listdir(tmp_path) == ["own.parquet"]


def test_options_go_through(tmp_path: Path) -> None:
    path = tmp_path / "own.parquet"
    frame = pd.DataFrame({"a": np.arange(100)})
    made = driver(
        path,
        compression="zstd",
        write_options={"row_group_size": 10},
        read_options={"dtype_backend": "pyarrow"},
    )
    found = through(made, tmp_path, frame)
    assert str(found["a"].dtype) == "int64[pyarrow]"
    about = parquet.ParquetFile(path).metadata
    assert about.num_row_groups == 10
    assert about.row_group(0).column(0).compression == "ZSTD"


PARTS: dict[str, dict[str, Any]] = {
    "pandas": {"columns": ["b", "a"], "filters": [("a", ">", 1)]},
    "polars": {"columns": ["b", "a"]},
    "arrow": {"columns": ["b", "a"], "filter": dataset.field("a") > 1},
}
"""Options of each library for a part of a file: what a job reads that has it as input."""


@pytest.mark.parametrize("exposed", PARTS)
def test_a_part_is_an_option_too(tmp_path: Path, exposed: str) -> None:
    path = tmp_path / "own.parquet"
    parquet.write_table(
        pa.table({"a": [1, 2, 3], "b": [4, 5, 6], "c": [7, 8, 9]}), path
    )
    made = driver(path, exposed_type=exposed, read_options=PARTS[exposed])
    found: Any = made.read(None, where=Condition("a", 3, Operator.LESS_THAN))
    names = found.column_names if exposed == "arrow" else [*found.columns]
    assert names == ["b", "a"]
    some = [1, 2] if exposed == "polars" else [2]
    assert [int(str(one)) for one in found["a"]] == some
    assert len(made.read(None, columns=["c"])) == (3 if exposed == "polars" else 2)  # type: ignore[arg-type]  # a table


ONE_PART = """
import sys, pyarrow
from asyncflow.drivers.parquet import ParquetDriver, ParquetOptions
from asyncflow.filters import Condition, Operator
from asyncflow.selection import preview
driver = ParquetDriver(sys.argv[1], ParquetOptions(exposed_type="arrow"))
found = driver.read(None, where=Condition("a", 0.001, Operator.LESS_THAN))
print(found.num_rows, pyarrow.default_memory_pool().max_memory())
"""


def test_a_part_takes_little_memory(tmp_path: Path) -> None:
    rows = np.random.default_rng(1).random(2_000_000)
    table = pa.table({"a": rows, "b": rows})
    path = tmp_path / "own.parquet"
    parquet.write_table(table, path, row_group_size=50_000, use_dictionary=False)
    out = programs.run("-c", ONE_PART, path, folder=tmp_path)
    length, peak = map(int, out.split())
    assert 1_000 < length < 4_000
    assert 0 < peak < table.nbytes / 2


@pytest.mark.parametrize("exposed", ["pandas", "polars", "arrow", "list[dict]"])
@pytest.mark.parametrize("length", [0, 10, 200])
def test_a_file_that_is_cut_off_is_told(
    tmp_path: Path, exposed: str, length: int
) -> None:
    path = tmp_path / "own.parquet"
    through(driver(path), tmp_path, pd.DataFrame({"a": range(100)}))
    path.write_bytes(path.read_bytes()[:length])

    with pytest.raises(DataNodeReadingError, match=r"own\.parquet.* no whole parquet"):
        driver(path, exposed_type=exposed).read(None)


@pytest.mark.parametrize("exposed", ["pandas", "polars", "arrow"])
def test_no_more_is_read_than_is_asked_for(tmp_path: Path, exposed: str) -> None:
    path = tmp_path / "own.parquet"
    table = pa.table({"a": [1, 2, 3, 4], "b": [5, 6, 7, 8]})
    parquet.write_table(table, path, row_group_size=2, compression="none")
    about = parquet.ParquetFile(path).metadata
    data = bytearray(path.read_bytes())

    for group, column in ((1, 0), (0, 1), (1, 1)):  # all but the first rows of `a`
        chunk = about.row_group(group).column(column)
        begin = chunk.dictionary_page_offset or chunk.data_page_offset
        end = begin + chunk.total_compressed_size
        data[begin:end] = b"\xff" * (end - begin)

    path.write_bytes(data)
    made = driver(path, exposed_type=exposed)
    where = Condition("a", 3, Operator.LESS_THAN)
    found: Any = made.read(None, columns=["a"], where=where)
    assert [int(str(one)) for one in found["a"]] == [1, 2]

    with pytest.raises(DataNodeReadingError, match="no whole parquet"):
        made.read(None)


@pytest.mark.parametrize("place", ["own.parquet", "own", "own/*.parquet"])
@pytest.mark.parametrize(
    "exposed", ["pandas", "polars", "arrow", "numpy", "list[dict]", "dict"]
)
def test_a_preview_is_that_of_the_whole(
    tmp_path: Path, exposed: str, place: str
) -> None:
    frame = pd.DataFrame({"a": range(100), "b": ["x", None] * 50})
    file = tmp_path / ("own.parquet" if place == "own.parquet" else "own/1.parquet")
    file.parent.mkdir(exist_ok=True)
    frame.to_parquet(file, row_group_size=7)
    driver = ParquetDriver(str(tmp_path / place), ParquetOptions(exposed_type=exposed))

    for rows in (0, 3, 10, 1000):
        assert repr(driver.preview(None, rows)) == repr(
            preview(driver.read(None), rows)
        )


def test_a_preview_of_polars_is_that_of_the_whole(tmp_path: Path) -> None:
    path = str(tmp_path / "own.parquet")
    pl.DataFrame({"a": range(10), "b": ["x"] * 10}).write_parquet(path)
    options = ParquetOptions(exposed_type="polars", read_options={"columns": ["a"]})
    driver = ParquetDriver(path, options)
    assert driver.preview(None, 3) == preview(driver.read(None), 3)


def test_a_preview_reads_its_rows_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = ParquetDriver(str(tmp_path / "own.parquet"))
    pd.DataFrame({"a": range(100)}).to_parquet(tmp_path / "own.parquet")
    monkeypatch.setattr(driver, "load", None)
    assert driver.preview(None, 2).rows == ((0,), (1,))


TEXTS = pa.table({"a": ["x"]})
CATEGORIES = pa.table({"a": pa.array(["x"]).dictionary_encode()})


@pytest.mark.parametrize(
    ("before", "more", "after"),
    [
        (TEXTS.cast(pa.schema([("a", pa.large_string())])), [{"a": "y"}], ["x", "y"]),
        (CATEGORIES, [{"a": "y"}], ["x", "y"]),
        (CATEGORIES, pd.DataFrame({"a": pd.Categorical(["y"])}), ["x", "y"]),
        (pa.table({"a": pa.array([1], "int32")}), [{"a": 2}], [1, 2]),
        (pa.table({"a": [1]}), [{"a": None}], [1, None]),
        (pa.table({"a": [None]}), [{"a": 2}], [None, 2]),
        (pa.table({"a": [1]}), pd.DataFrame({"a": [2]}, index=[7]), [1, 2]),
        (pa.table({"a": [1]}), [], [1]),
    ],
)
def test_rows_of_another_library_are_appended(
    tmp_path: Path, before: Any, more: Any, after: list[Any]
) -> None:
    driver = ParquetDriver(options=ParquetOptions(exposed_type="arrow"))
    kept = driver.write(before, str(tmp_path / "A-1.value"), "node")
    kept = driver.append(more, kept, str(tmp_path / "A-2.value"), "node")
    found: Any = driver.read(kept)
    assert found.column("a").to_pylist() == after
    assert found.schema == before.schema or before.column("a").null_count == 1


@pytest.mark.parametrize(
    "more", [[{"a": 1.5}], [{"a": "2"}], [{"b": 1}], [{"a": 1, "b": 2}], [{"a": 2**40}]]
)
def test_rows_that_columns_cannot_hold_are_not_appended(
    tmp_path: Path, more: Any
) -> None:
    driver = ParquetDriver(options=ParquetOptions(exposed_type="arrow"))
    before = pa.table({"a": pa.array([1], "int32")})
    kept = driver.write(before, str(tmp_path / "A-1.value"), "node")

    with pytest.raises(DataNodeWritingError, match=r"'node': the columns .* appended"):
        driver.append(more, kept, str(tmp_path / "A-2.value"), "node")

    assert driver.read(kept) == before


@pytest.mark.parametrize("exposed", ["pandas", "polars", "arrow"])
@pytest.mark.parametrize(
    "value", [[{"a": object()}], {"a": [1], "b": [1, 2]}, 5, [int]]
)
def test_what_is_no_table_names_the_data_node(
    tmp_path: Path, exposed: str, value: Any
) -> None:
    made = ParquetDriver(
        str(tmp_path / "own.parquet"), ParquetOptions(exposed_type=exposed)
    )
    path = str(tmp_path / "A-1.value")

    with pytest.raises(DataNodeWritingError, match="data node 'node': "):
        made.write(value, path, "node")

    made.publish(made.write([{"a": 1}], path, "node"), path)

    with pytest.raises(DataNodeWritingError, match="data node 'node': "):
        made.append(value, None, path, "node")


def test_what_polars_cannot_write_names_the_data_node(tmp_path: Path) -> None:
    made = ParquetDriver(None, ParquetOptions(exposed_type="polars"))

    with pytest.raises(
        DataNodeWritingError, match=r"'node': Parquet cannot hold .*one type"
    ):
        made.write([{"a": UUID(int=1)}], str(tmp_path / "A-1.value"), "node")


@pytest.mark.parametrize("exposed", ["pandas", "polars", "arrow"])
@pytest.mark.parametrize("name", ["q*.parquet", "q?.parquet"])
def test_a_pattern_is_no_file(tmp_path: Path, exposed: str, name: str) -> None:
    made = driver(tmp_path / name, exposed_type=exposed)
    path = str(tmp_path / "A-1.value")

    for _ in range(2):
        for write in (made.write, lambda value, *at: made.append(value, None, *at)):
            with pytest.raises(
                DataNodeWritingError, match="is a pattern, which is read"
            ):
                write([{"a": 1}], path, "node")

        assert len([*tmp_path.iterdir()]) == _
        parquet.write_table(pa.table({"a": [1]}), tmp_path / "q1.parquet")


def test_a_name_may_have_brackets(tmp_path: Path) -> None:
    made = driver(tmp_path / "own[1].parquet", exposed_type="list[dict]")
    assert through(made, tmp_path, [{"a": 1}]) == [{"a": 1}]


DAY = datetime.datetime(2024, 1, 1)  # noqa: DTZ001  # the column has a zone


@pytest.mark.parametrize("exposed", ["pandas", "polars", "arrow", "list[dict]"])
@pytest.mark.parametrize(
    ("column", "value"), [("at", DAY), ("a", "x"), ("a", object()), ("a", 2**70)]
)
def test_a_wrong_condition_is_no_damage(
    tmp_path: Path, exposed: str, column: str, value: Any
) -> None:
    at = DAY.replace(tzinfo=UTC)
    parquet.write_table(pa.table({"a": [1], "at": [at]}), tmp_path / "own.parquet")
    made = driver(tmp_path / "own.parquet", exposed_type=exposed)
    where = Condition(column, value, Operator.LESS_THAN)

    if value == 2**70 and exposed == "polars":  # it knows such numbers
        assert len(made.read(None, where=where)) == 1  # type: ignore[arg-type]
        return

    with pytest.raises(DataNodeReadingError, match="its rows cannot be compared"):
        made.read(None, where=where)


@pytest.mark.parametrize(
    "given",
    [{"filters": [("zz", "<", 1)]}, {"filters": [("a", "??", 1)]}, {"columns": ["zz"]}],
    ids=["column of filters", "operator", "columns"],
)
def test_wrong_options_are_no_damage(tmp_path: Path, given: dict[str, Any]) -> None:
    parquet.write_table(pa.table({"a": [1]}), tmp_path / "own.parquet")

    with pytest.raises(DataNodeReadingError, match=r"(?s)what is asked .*read_options"):
        driver(tmp_path / "own.parquet", read_options=given).read(None)


@pytest.mark.parametrize("exposed", ["pandas", "polars", "arrow"])
@pytest.mark.parametrize("name", ["all", "all/*.parquet"])
def test_files_of_several_types_are_no_damage(
    tmp_path: Path, exposed: str, name: str
) -> None:
    (tmp_path / "all").mkdir()
    parquet.write_table(pa.table({"a": [1]}), tmp_path / "all" / "1.parquet")
    parquet.write_table(pa.table({"a": [1.5]}), tmp_path / "all" / "2.parquet")

    with pytest.raises(
        DataNodeReadingError,
        match=r"differ in the type of column 'a': int64 and double",
    ):
        driver(tmp_path / name, exposed_type=exposed).read(None)
