"""CSV: encodings, headers, the cells that no type tells of."""

from __future__ import annotations

import datetime
import enum
import gzip
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asyncflow.drivers import csv
from asyncflow.drivers._libraries import rows_of
from asyncflow.drivers.csv import CSVDriver, CSVOptions
from asyncflow.errors import DataNodeReadingError, DataNodeWritingError

pytestmark = pytest.mark.usefixtures("tables_are_warm")

LIBRARIES = ["pandas", "polars", "arrow", "list[dict]"]


class Color(enum.Enum):
    RED = 1
    BLUE = 2


@attrs.frozen
class Item:
    number: int
    size: float | None
    name: str
    is_new: bool
    day: datetime.date
    color: Color


def driver(path: object = None, **options: Any) -> CSVDriver:
    return CSVDriver(None if path is None else str(path), CSVOptions(**options))


def through(made: CSVDriver, folder: Path, value: Any) -> Any:
    path = str(folder / "A-1.value")
    return made.read(made.publish(made.write(value, path, "node"), path))


letters = st.characters(codec="utf-8", exclude_characters="\0")
items = st.lists(
    st.builds(
        Item,
        st.integers(),
        st.none() | st.floats(allow_nan=False),
        st.text(letters),
        st.booleans(),
        st.dates(),
        st.sampled_from(Color),
    ),
    max_size=4,
)


@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    value=items, has_header=st.booleans(), encoding=st.sampled_from(["utf-8", "utf-16"])
)
def test_objects_come_back(
    value: list[Item], has_header: bool, encoding: str, tmp_path: Path
) -> None:
    made = driver(exposed_type=Item, has_header=has_header, encoding=encoding)
    rows = [attrs.evolve(one, color=one.color) for one in value]
    texts = [{**attrs.asdict(one), "color": one.color.name} for one in rows]
    assert through(made, tmp_path, texts) == value


@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    value=st.lists(
        st.fixed_dictionaries({"a": st.text(letters), "b": st.text(letters)}),
        min_size=1,
        max_size=4,
    )
)
def test_text_comes_back(value: list[dict[str, str]], tmp_path: Path) -> None:
    assert through(driver(exposed_type="list[dict]"), tmp_path, value) == value


@pytest.mark.parametrize("exposed", LIBRARIES)
def test_a_long_text_comes_back(tmp_path: Path, exposed: str) -> None:
    value = [{"a": "é" * 200_000}]
    made = driver(tmp_path / "own.csv", exposed_type=exposed)
    assert rows_of(through(made, tmp_path, value)) == value
    assert made.preview(None, 1).rows == ((value[0]["a"],),)


@pytest.mark.parametrize("exposed", LIBRARIES)
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "utf-8-sig", "utf-16"])
def test_encodings(tmp_path: Path, exposed: str, encoding: str) -> None:
    made = driver(tmp_path / "own.csv", exposed_type=exposed, encoding=encoding)
    found = through(made, tmp_path, [{"a": "é"}, {"a": "ü"}])
    assert (tmp_path / "own.csv").read_text(encoding).splitlines()[-1].strip('"') == "ü"
    column: Any = [row["a"] for row in found] if exposed == "list[dict]" else found["a"]
    assert list(column.to_pylist() if exposed == "arrow" else column) == ["é", "ü"]


@pytest.mark.parametrize("exposed", LIBRARIES)
def test_the_wrong_encoding_is_told(tmp_path: Path, exposed: str) -> None:
    (tmp_path / "own.csv").write_bytes("a\né\n".encode("latin-1"))

    with pytest.raises(DataNodeReadingError, match=r"at \S+own\.csv"):
        driver(tmp_path / "own.csv", exposed_type=exposed).read(None)


@pytest.mark.parametrize("exposed", LIBRARIES)
def test_a_table_without_rows(tmp_path: Path, exposed: str) -> None:
    found = through(driver(exposed_type=exposed), tmp_path, [])
    assert len(found) == 0


@pytest.mark.parametrize("exposed", LIBRARIES)
@pytest.mark.parametrize("end", ["\n", ""])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16-le"])
def test_rows_are_appended(
    tmp_path: Path, exposed: str, end: str, encoding: str
) -> None:
    path = tmp_path / "own.csv"
    path.write_text(f"a,b\n1,x{end}", encoding)
    made = driver(path, exposed_type=exposed, encoding=encoding)
    file = str(tmp_path / "A-1.value")
    made.publish(made.append([{"b": "é", "a": 2}], None, file, "node"), file)
    text = path.read_text(encoding).replace('"', "")
    assert text.splitlines() == ["a,b", "1,x", "2,é"]


@pytest.mark.parametrize("exposed", LIBRARIES)
def test_the_columns_of_a_frame_are_appended_in_their_order(
    tmp_path: Path, exposed: str
) -> None:
    path = tmp_path / "own.csv"
    path.write_text("a,b\n1,x\n")
    made = driver(path, exposed_type=exposed)
    file = str(tmp_path / "A-1.value")

    for table in (pd.DataFrame({"a": [2], "b": "y"}), pl.DataFrame({"b": "z", "a": 3})):
        made.publish(made.append(table, None, file, "node"), file)

    text = path.read_text().replace('"', "")
    assert text.splitlines() == ["a,b", "1,x", "2,y", "3,z"]


@pytest.mark.parametrize("exposed", LIBRARIES)
def test_rows_without_names_are_appended_as_they_come(
    tmp_path: Path, exposed: str
) -> None:
    path = tmp_path / "own.csv"
    path.write_text("a,b\n1,x\n")
    made = driver(path, exposed_type=exposed)
    file = str(tmp_path / "A-1.value")

    for rows in ([[2, "y"]], [(3, "z")], np.array([["4", "u"]])):
        made.publish(made.append(rows, None, file, "node"), file)

    text = path.read_text().replace('"', "")
    assert text.splitlines() == ["a,b", "1,x", "2,y", "3,z", "4,u"]

    for other in ([[5]], [[5, "v", 0]], {"0": [5], "1": ["v"]}):
        with pytest.raises(DataNodeWritingError, match="cannot be appended to a, b"):
            made.append(other, None, file, "node")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-8-sig"])
@pytest.mark.parametrize("exposed", LIBRARIES)
def test_a_preview_reads_its_rows_alone(
    tmp_path: Path, exposed: str, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "own.csv"
    path.write_text('a,b\n1,"é\n,"\n2,y\n' + "3,x\n" * 999, encoding)
    monkeypatch.setattr(csv, "COUNTED", 1000)
    made = driver(path, exposed_type=exposed, encoding=encoding)
    shown = made.preview(None, 2)
    assert shown.columns == ("a", "b")
    assert [[str(cell) for cell in row] for row in shown.rows] == [
        ["1", "é\n,"],
        ["2", "y"],
    ]
    assert shown.total is None
    path.write_text("a,b\n1,x\n2,y\n3,z", encoding)
    assert made.preview(None, 2).total == made.preview(None, 3).total == 3
    assert made.preview(None, 0).rows == ()


def test_what_cannot_be_appended(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("a\n1\n", "utf-16")

    with pytest.raises(
        DataNodeWritingError, match="nothing can be appended in 'utf-16'"
    ):
        driver(path, encoding="utf-16").append([{"a": 2}], None, "A-1.value", "node")

    assert path.read_text("utf-16") == "a\n1\n"


def test_options_go_through(tmp_path: Path) -> None:
    options = {"read_options": {"sep": ";"}, "write_options": {"sep": ";"}}
    made = driver(tmp_path / "own.csv", **options)
    frame = pd.DataFrame({"a": [1], "b": ["x"]})
    assert through(made, tmp_path, frame).equals(frame)
    assert (tmp_path / "own.csv").read_text() == "a;b\n1;x\n"


def test_text_and_bytes_are_as_they_are(tmp_path: Path) -> None:
    assert through(driver(exposed_type=str), tmp_path, "a;ü\n") == "a;ü\n"
    assert through(driver(exposed_type=bytes), tmp_path, b"a;\xff\n") == b"a;\xff\n"


def test_a_class_may_read_and_write_itself(tmp_path: Path) -> None:
    made = driver(exposed_type=Coded)
    assert through(made, tmp_path, [Coded("x"), Coded("y")]) == [Coded("x"), Coded("y")]


@attrs.frozen
class Coded:
    text: str

    def encode(self) -> dict[str, str]:
        return {"code": self.text.upper()}

    @classmethod
    def decode(cls, row: dict[str, str]) -> Coded:
        return cls(row["code"].lower())


@pytest.mark.parametrize("exposed", ["polars", "arrow"])
@pytest.mark.parametrize("value", [[[1, 2]], [b"\xff"]])
def test_what_a_library_cannot_write_names_the_data_node(
    tmp_path: Path, exposed: str, value: list[Any]
) -> None:
    made = CSVDriver(str(tmp_path / "own"), CSVOptions(exposed_type=exposed))

    with pytest.raises(
        DataNodeWritingError, match=r"'node': CSV cannot hold .*write text"
    ):
        made.write({"a": value}, str(tmp_path / "A-1.value"), "node")

    assert not [*tmp_path.iterdir()]


def test_a_compressed_file_is_told_and_never_replaced_by_text(tmp_path: Path) -> None:
    path, draft = str(tmp_path / "own.csv.gz"), str(tmp_path / "A-1.value")
    plain = CSVDriver(path)

    with pytest.raises(DataNodeWritingError, match=r"'node': .*gz.*compression"):
        plain.write([{"a": 1}], draft, "node")

    how = {"compression": "gzip"}
    made = CSVDriver(path, CSVOptions(read_options=how, write_options=how))
    made.publish(made.write([{"a": 1}], draft, "node"), draft)
    assert gzip.decompress(Path(path).read_bytes()) == b"a\n1\n"
    found: Any = made.read(None)
    assert found.to_dict("list") == {"a": [1]}

    with pytest.raises(DataNodeReadingError, match=r"compressed.*unpack it"):
        plain.read(None)


@pytest.mark.parametrize("exposed", LIBRARIES)
@pytest.mark.parametrize("cell", ["x\ry", " ", "\t ", "\r", "a\r\nb", "é\r"])
@pytest.mark.parametrize("other", [{}, {"b": "y"}], ids=["one column", "two columns"])
def test_returns_and_blanks_come_back(
    tmp_path: Path, exposed: str, cell: str, other: dict[str, str]
) -> None:
    rows = [{"a": one, **other} for one in ("p", cell, "q")]
    made = driver(tmp_path / "own.csv", exposed_type=exposed)
    assert rows_of(through(made, tmp_path, rows)) == rows

    for reader in LIBRARIES:  # any of them reads what another has written
        found = driver(tmp_path / "own.csv", exposed_type=reader).read(None)
        assert rows_of(found) == rows

    file = str(tmp_path / "A-2.value")
    made.publish(made.append(rows[1:], None, file, "node"), file)
    assert rows_of(made.read(None)) == [*rows, *rows[1:]]


@pytest.mark.parametrize(
    ("exposed", "read", "write"),
    [
        ("pandas", {"sep": ";"}, {"sep": ";"}),
        ("polars", {"separator": ";"}, {"separator": ";"}),
        ("list[dict]", {"delimiter": ";"}, {"delimiter": ";"}),
    ],
)
def test_rows_are_appended_with_the_separator_of_the_file(
    tmp_path: Path, exposed: str, read: dict[str, Any], write: dict[str, Any]
) -> None:
    path, file = tmp_path / "own.csv", str(tmp_path / "A-1.value")
    path.write_text("a;b\n1;2\n")
    options = {"read_options": read, "write_options": write}
    made = driver(path, exposed_type=exposed, **options)
    made.publish(made.append([{"b": 4, "a": 3}], None, file, "node"), file)
    assert path.read_text() == "a;b\n1;2\n3;4\n"

    for other in (driver(path, exposed_type=exposed), made):
        with pytest.raises(DataNodeWritingError, match="cannot be appended to a"):
            other.append([{"a": 5, "b": 6}], None, file, "node")

        path.write_text("a,b\n1,2\n")


def test_an_index_is_not_appended_where_there_is_none(tmp_path: Path) -> None:
    path, file = tmp_path / "own.csv", str(tmp_path / "A-1.value")
    made = driver(path, write_options={"index": True})
    frame = pd.DataFrame({"a": [1]})
    path.write_text("a\n1\n")

    with pytest.raises(DataNodeWritingError, match="cannot be appended to a"):
        made.append(frame, None, file, "node")

    for write in (made.write, lambda value, *at: made.append(value, None, *at)):
        made.publish(write(frame, file, "node"), file)

    assert path.read_text() == ",a\n0,1\n0,1\n"


def test_the_header_is_not_appended(tmp_path: Path) -> None:
    path, file = tmp_path / "own.csv", str(tmp_path / "A-1.value")
    made = driver(path, write_options={"header": ["x"]})

    for write in (made.write, lambda value, *at: made.append(value, None, *at)):
        made.publish(write(pd.DataFrame({"a": [1]}), file, "node"), file)

    assert path.read_text() == "x\n1\n1\n"


@pytest.mark.parametrize("exposed", LIBRARIES)
def test_a_mark_at_the_beginning_is_no_part_of_a_name(
    tmp_path: Path, exposed: str
) -> None:
    path, file = tmp_path / "own.csv", str(tmp_path / "A-1.value")
    path.write_text("a,b\n1,2\n", "utf-8-sig")
    made = driver(path, exposed_type=exposed)
    assert [[*row] for row in rows_of(made.read(None))] == [["a", "b"]]
    assert made.preview(None, 1).columns == ("a", "b")
    made.publish(made.append([{"a": 3, "b": 4}], None, file, "node"), file)
    assert path.read_bytes() == b"\xef\xbb\xbfa,b\n1,2\n3,4\n"


@pytest.mark.parametrize("exposed", LIBRARIES)
@pytest.mark.parametrize("content", [None, b"", b"\n", b"\r\n", b"\xef\xbb\xbf"])
def test_rows_are_appended_to_nothing(
    tmp_path: Path, exposed: str, content: bytes | None
) -> None:
    path, file = tmp_path / "own.csv", str(tmp_path / "A-1.value")
    made = driver(path, exposed_type=exposed)

    if content is None:
        made.publish(made.write([], file, "node"), file)
    else:
        path.write_bytes(content)

    for value in ([{"a": 1}], []):
        made.publish(made.append(value, None, file, "node"), file)

    assert path.read_text().replace('"', "") == "a\n1\n"


@attrs.frozen
class Short:
    a: int
    b: str = ""


@pytest.mark.parametrize(
    ("text", "kind", "why"),
    [
        ("a,b,zz\n1,x,9\n", Short, "Short has no field zz"),
        ("a,b\n1,x\noops,y\n", Short, r"row 2, column a: 'oops' is no int: correct"),
        ("b\nx\n", Short, "it has no column a, which Short needs"),
        ("a,b\n1,x\n2\n", Short, "row 2 has 1 cells, and there are 2 columns"),
        ("code\nx\n", "builtins:int", "exposed_type: int has no fields"),
        ("a\n1\n", Coded, r"row 1: Coded refuses it \(KeyError: 'code'\)"),
    ],
    ids=["field", "cell", "column", "short", "int", "decode"],
)
def test_what_a_class_does_not_take_is_told(
    tmp_path: Path, text: str, kind: Any, why: str
) -> None:
    (tmp_path / "own.csv").write_text(text)

    with pytest.raises(DataNodeReadingError, match=why) as found:
        driver(tmp_path / "own.csv", exposed_type=kind).read(None)

    assert "read_options" not in str(found.value).replace(
        "delimiter in read_options", ""
    )
    assert "bring back" not in str(found.value)
