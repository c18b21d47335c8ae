"""JSON: what it has no form for, and coders of one's own."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asyncflow.drivers._codec import FEW, Encoder, in_parts
from asyncflow.drivers.json import JSONDriver, JSONOptions
from asyncflow.errors import DataNodeReadingError, DataNodeWritingError


class Color(enum.Enum):
    RED = 1


@dataclasses.dataclass
class Point:
    x: int
    at: datetime.date | None = None


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
    st.just(Color.RED),
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
    assert through(JSONDriver(), tmp_path, value) == value


@given(value=values, few=st.integers(0, 20))
def test_parts_are_the_whole(value: Any, few: int) -> None:
    encoder = Encoder(ensure_ascii=False)
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


class Rounding(json.JSONEncoder):
    def default(self, o: Any) -> Any:
        return f"set:{sorted(o)}"


class Upper(json.JSONDecoder):
    def decode(self, s: str, *given: Any) -> Any:
        return super().decode(s.upper(), *given)


def test_coders_of_ones_own(tmp_path: Path) -> None:
    options = JSONOptions(encoder=Rounding, decoder=Upper)
    assert through(JSONDriver(None, options), tmp_path, {2, 1}) == "SET:[1, 2]"


def test_what_has_no_form_is_told(tmp_path: Path) -> None:
    for value in (object(), {1, 2}, b"x", "\ud800", [object]):
        with pytest.raises(
            DataNodeWritingError, match=r"'node': JSON has no form .*encoder="
        ):
            JSONDriver().write(value, str(tmp_path / "A-1.value"), "node")


def test_nothing_but_enums_and_dataclasses_is_made(tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    path.write_text('{"__type__": "dataclass os:system", "__value__": {"a": 1}}')

    with pytest.raises(DataNodeReadingError, match="neither an enum nor a dataclass"):
        JSONDriver(str(path)).read(None)
