"""JSON: what it has no form for, and coders of one's own."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asyncflow.drivers._codec import FEW, Encoder, in_parts, prepared
from asyncflow.drivers.json import JSONDriver, JSONOptions
from asyncflow.errors import DataNodeReadingError, DataNodeWritingError


class Color(enum.Enum):
    RED = 1


class Level(enum.IntEnum):
    LOW = 1


class Word(enum.StrEnum):
    A = "a"


class Right(enum.Flag):
    READ = 1
    WRITE = 2
    BOTH = 3


class Mode(enum.IntFlag):
    READ = 4
    WRITE = 2


@dataclasses.dataclass
class Point:
    x: int
    at: datetime.date | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Cents:
    amount: int
    given: dataclasses.InitVar[int]
    text: str = dataclasses.field(init=False, default="")

    def __post_init__(self, given: int) -> None:
        object.__setattr__(self, "amount", self.amount * 100 + given)


def priced(text: str) -> Cents:
    made = Cents(1, 2)
    object.__setattr__(made, "text", text)
    return made


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(st.characters(codec="utf-8")),
    st.datetimes(timezones=st.none() | st.just(datetime.UTC)),
    st.dates(),
    st.times(),
    st.timedeltas(),
    st.sampled_from([*Color, *Level, *Word, *Right, *Mode, Right(0), Mode(6)]),
    st.builds(priced, st.text(st.characters(codec="utf-8"))),
    st.just({"__type__": "date", "__value__": "2024-01-01"}),
    st.builds(Point, st.integers(), st.none() | st.dates()),
)
values = st.recursive(
    scalars,
    lambda parts: (
        st.lists(parts, max_size=3) | st.dictionaries(st.text(), parts, max_size=3)
    ),
    max_leaves=8,
)


def through(made: JSONDriver, folder: Path, value: Any) -> Any:
    path = str(folder / "A-1.value")
    return made.read(made.publish(made.write(value, path, "node"), path))


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(value=values)
def test_values_come_back(value: Any, tmp_path: Path) -> None:
    found = through(JSONDriver(), tmp_path, value)
    assert found == value
    told = repr(value).replace(", fold=1", "")
    assert repr(found) == told  # an enum of numbers is equal to its number


@given(value=values, few=st.integers(0, 20))
def test_parts_are_the_whole(value: Any, few: int) -> None:
    encoder = Encoder(ensure_ascii=False)
    value = prepared(value)
    assert "".join(in_parts(value, encoder, few)) == encoder.encode(value)


@pytest.mark.parametrize(
    "value",
    [
        [*range(100_000)],
        {"rows": [{"id": at, "tags": ["a", "b"]} for at in range(20_000)]},
        {at: [[None] * 9000] for at in range(10)},
        [pd.DataFrame({"a": range(50_000)}), {1: np.arange(50_000)}],
    ],
)
def test_much_is_written_part_by_part(value: Any) -> None:
    encoder = Encoder(ensure_ascii=False)
    parts = [*in_parts(value, encoder)]
    assert max(map(len, parts)) < 40 * FEW
    assert "".join(parts) == encoder.encode(value)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "latin-1"])
def test_an_encoding_marks_the_beginning_alone(tmp_path: Path, encoding: str) -> None:
    value = [{"é": at} for at in range(FEW)]
    assert (
        through(JSONDriver(options=JSONOptions(encoding=encoding)), tmp_path, value)
        == value
    )


def test_tables_are_rows(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", None]})
    value = {"frame": frame, "array": np.array([1, 2]), "number": np.float64(2)}
    assert through(JSONDriver(), tmp_path, value) == {
        "frame": [{"a": 1, "b": "x"}, {"a": 2, "b": None}],
        "array": [1, 2],
        "number": 2.0,
    }


def test_times_of_libraries_are_those_of_python(tmp_path: Path) -> None:
    at = datetime.datetime.fromisoformat("2024-01-01T12:30:00.000001")
    day = datetime.date(2024, 1, 2)
    frame = pd.DataFrame({"at": [pd.Timestamp(at), pd.NaT], "b": ["x", pd.NA]})
    value = {
        "frame": frame,
        "column": frame["at"],
        "values": [pd.Timestamp(at), pd.NaT, pd.NA, pd.Timedelta(days=2)],
        "numpy": np.array([at, None], "datetime64[ns]"),
        "days": np.array([day], "datetime64[D]"),
        "one": np.datetime64(at).astype("datetime64[ns]"),
        "long": np.timedelta64(5, "ns") * 1000,
    }
    assert through(JSONDriver(), tmp_path, value) == {
        "frame": [{"at": at, "b": "x"}, {"at": None, "b": None}],
        "column": [at, None],
        "values": [at, None, None, datetime.timedelta(2)],
        "numpy": [at, None],
        "days": [day],
        "one": at,
        "long": datetime.timedelta(microseconds=5),
    }


@pytest.mark.parametrize(
    ("old", "value", "both"),
    [
        ([{"a": 1}], pd.DataFrame({"a": [2, 3]}), [{"a": 1}, {"a": 2}, {"a": 3}]),
        ([1], np.array([2, 3]), [1, 2, 3]),
        (None, pd.DataFrame({"a": [2]}), [{"a": 2}]),
        ([1], Level.LOW, [1, Level.LOW]),
        ({"1": "a", "b": 2}, {1: "c"}, {"1": "c", "b": 2}),
    ],
    ids=["frame", "array", "first", "one", "keys"],
)
def test_what_is_appended_is_as_it_is_written(
    tmp_path: Path, old: Any, value: Any, both: Any
) -> None:
    made = JSONDriver()
    path = str(tmp_path / "A-1.value")
    before = None if old is None else made.write(old, path, "node")
    assert made.read(made.append(value, before, path, "node")) == both


def test_what_contains_itself_is_told(tmp_path: Path) -> None:
    value: list[Any] = []
    value.append(value)

    with pytest.raises(DataNodeWritingError, match=r"'node': .*contains itself"):
        JSONDriver().write(value, str(tmp_path / "A-1.value"), "node")


class Rounding(json.JSONEncoder):
    def default(self, o: Any) -> Any:
        return f"set:{sorted(o)}"


class Upper(json.JSONDecoder):
    def decode(self, s: str, *given: Any) -> Any:
        return super().decode(s.upper(), *given)


def test_coders_of_ones_own(tmp_path: Path) -> None:
    options = JSONOptions(encoder=Rounding, decoder=Upper)
    assert through(JSONDriver(None, options), tmp_path, {2, 1}) == "SET:[1, 2]"


def local() -> list[Any]:
    @dataclasses.dataclass
    class Local:
        a: int

    class Inner(enum.Enum):
        A = 1

    return [
        Local(1),
        Inner.A,
        dataclasses.make_dataclass("Made", ["a"])(1),
    ]


@pytest.mark.parametrize(
    "value",
    [
        *(object(), {1, 2}, b"x", "\ud800", [object], pd.Period("2024-01"), *local()),
        *({1: "a", "1": "b"}, {"true": 1, True: 2}, [{"x": {None: 1, "null": 2}}]),
        *(pd.Timestamp(1), pd.Timedelta(1), np.array([1], "datetime64[ns]")),
        *(
            pd.Interval(0, 1),
            pd.DataFrame({"a": [1]}).groupby("a"),
            re.RegexFlag(1 << 20),
        ),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_has_no_form_is_told(tmp_path: Path, value: Any) -> None:
    with pytest.raises(
        DataNodeWritingError, match=r"'node': JSON has no form .*encoder="
    ):
        JSONDriver().write(value, str(tmp_path / "A-1.value"), "node")


def test_nothing_but_enums_and_dataclasses_is_made(tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    path.write_text('{"__type__": "dataclass os:system", "__value__": {"a": 1}}')

    with pytest.raises(DataNodeReadingError, match="neither an enum nor a dataclass"):
        JSONDriver(str(path)).read(None)
