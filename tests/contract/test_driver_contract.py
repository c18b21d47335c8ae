"""The contract of drivers, run by each of them, with each exposed type."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import attrs
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from asyncflow.abc import Driver
from asyncflow.alternatives import DRIVERS
from asyncflow.testing import driver_contract
from tests.support.toy_driver import ToyDriver, ToyOptions

KILLS = int(os.environ.get("ASYNCFLOW_TEST_KILLS", "1"))
"""How often a program that writes is killed, for each driver."""

pytestmark = [
    pytest.mark.usefixtures("tables_are_warm"),
    pytest.mark.limit(60 + 60 * KILLS),
]

ROWS: list[dict[str, Any]] = [
    {"name": "a", "size": 1.5, "count": 3},
    {"name": 'é\n, "x"\'', "size": -2.25, "count": 2**40},
]
OTHER: list[dict[str, Any]] = [{"name": "ü", "size": 0.5, "count": 1}]


@attrs.frozen
class Item:
    name: str
    size: float
    count: int


VALUES: dict[str, tuple[Any, Any]] = {
    "pandas": (pd.DataFrame(ROWS), pd.DataFrame(OTHER)),
    "polars": (pl.DataFrame(ROWS), pl.DataFrame(OTHER)),
    "arrow": (pa.Table.from_pylist(ROWS), pa.Table.from_pylist(OTHER)),
    "numpy": (pd.DataFrame(ROWS).to_numpy(), pd.DataFrame(OTHER).to_numpy()),
    "list[dict]": (ROWS, OTHER),
    "dict": (pd.DataFrame(ROWS).to_dict("list"), pd.DataFrame(OTHER).to_dict("list")),
    "class": ([Item(**row) for row in ROWS], [Item(**row) for row in OTHER]),
}
TABLES = {"csv": {}, "parquet": {}, "excel": {"sheet_name": "one"}}


def texts(values: tuple[Any, Any]) -> tuple[Any, Any]:
    """Return rows as CSV gives them back without a library: all cells are text."""

    def text(value: Any) -> Any:
        if isinstance(value, list | dict):
            pairs = value.items() if isinstance(value, dict) else enumerate(value)
            made = {key: text(one) for key, one in pairs}
            return made if isinstance(value, dict) else [*made.values()]

        return str(value)

    return text(values[0]), text(values[1])


@pytest.mark.parametrize("has_path", [False, True], ids=["versions", "path"])
@pytest.mark.parametrize("exposed", VALUES)
@pytest.mark.parametrize("storage_type", TABLES)
def test_tables(storage_type: str, exposed: str, has_path: bool) -> None:
    found = DRIVERS.load(storage_type)
    kind = Item if exposed == "class" else exposed
    assert found.Options is not None
    options = found.Options(exposed_type=kind, **TABLES[storage_type])
    values = VALUES[exposed]

    if storage_type == "csv" and exposed in ("list[dict]", "dict"):
        values = texts(values)

    driver_contract(
        lambda folder: found(
            os.path.join(folder, "own") if has_path else None, options
        ),
        values,
        unkeepable=threading.Lock(),
    )


ANY: dict[str, Any] = {
    "pickle": lambda path: DRIVERS.load("pickle")(path),
    "in_memory": lambda path: DRIVERS.load("in_memory")(),
    "json": lambda path: DRIVERS.load("json")(path),
    "toy": lambda path: ToyDriver(options=ToyOptions(level=3)),
}


@pytest.mark.parametrize("has_path", [False, True], ids=["versions", "path"])
@pytest.mark.parametrize("name", ANY)
def test_any_values(name: str, has_path: bool) -> None:
    def make(folder: str) -> Driver:
        made: Driver = ANY[name](os.path.join(folder, "own") if has_path else None)
        return made

    large = ["x" * 200_000, 2]
    driver_contract(make, [[1, "é"], large, [None]], unkeepable=threading.Lock())


PLAIN: dict[str, dict[str, Any]] = {
    "pickle": {},
    "json": {},
    "csv": {"exposed_type": "list[dict]"},
    "parquet": {"exposed_type": "list[dict]"},
    "excel": {"exposed_type": "list[dict]", "sheet_name": "one"},
}


@pytest.mark.parametrize("storage_type", PLAIN)
def test_a_killed_write(storage_type: str) -> None:
    found = DRIVERS.load(storage_type)
    given = PLAIN[storage_type]
    options = found.Options(**given) if found.Options else None
    rows = [{"name": "a" * 20, "count": str(number)} for number in range(600)]
    driver_contract(
        lambda folder: found(os.path.join(folder, "own"), options),
        [rows, rows[:200]],
        kills=KILLS,
    )


class Forgetful(ToyDriver):
    """Loses what it is given."""

    def write(self, value: object, path: str, name: str) -> str | bytes | None:
        return super().write(None, path, name)


class Untidy(ToyDriver):
    """Makes a file that it does not tell of."""

    def write(self, value: object, path: str, name: str) -> str | bytes | None:
        Path(f"{path}.more").write_text("more")
        return super().write(value, path, name)


@pytest.mark.parametrize(
    ("kind", "words"), [(Forgetful, "was written and not read"), (Untidy, "only the")]
)
def test_a_breach_is_found(kind: type[ToyDriver], words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        driver_contract(lambda _: kind(options=ToyOptions()), [1, 2])
