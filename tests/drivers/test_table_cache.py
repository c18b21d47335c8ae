"""Tables that a worker has read: once for all jobs, and nobody sees what others change."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from asyncflow import Orchestrator
from asyncflow.drivers._table_cache import TableCache, cache, copied, size_of
from tests.support.flows import configuration

ROWS = {"a": [1, 2], "b": ["x", None]}


def reader(table: object, cache: TableCache, mark: Sequence[str | None]) -> Any:
    return cache.read("key", lambda: mark[0], lambda: copied(table))


def change(table: Any) -> None:
    """Change a table in its place, where its library has that."""
    match table:
        case pd.DataFrame():
            table.loc[0, "a"] = 99
            table["new"] = 1
        case pl.DataFrame():
            table[0, "a"] = 99
            table.insert_column(0, pl.Series("new", [1, 1]))
        case np.ndarray():
            table[0] = 99
        case dict():
            change(table["sheet"])
            table.clear()


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame(ROWS),
        pd.DataFrame(ROWS).astype({"a": "Int64", "b": "category"}),
        pl.DataFrame(ROWS),
        np.array([1.5, 2.5]),
        {"sheet": pd.DataFrame(ROWS)},
    ],
)
def test_nobody_sees_what_others_change(table: Any) -> None:
    cache, mark = TableCache(), ["1"]
    before = repr(table)

    for _ in range(3):
        found = reader(table, cache, mark)
        assert repr(found) == before
        change(found)

    assert cache.reads == 1


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame({"a": [[1], [2]]}),
        np.array([[1], "x"], dtype=object),
        [{"a": 1}],
        {"sheet": pd.DataFrame({"a": [{}, {}]})},
    ],
)
def test_what_could_be_changed_within_is_not_kept(table: Any) -> None:
    cache = TableCache()
    cache.read("key", lambda: "1", lambda: table)
    cache.read("key", lambda: "1", lambda: table)
    assert cache.reads == 2


def test_another_file_is_read() -> None:
    cache = TableCache()
    mark: list[str | None] = ["1"]
    table = pa.table(ROWS)
    reader(table, cache, mark)
    mark[0] = "2"
    reader(table, cache, mark)
    reader(table, cache, mark)
    assert cache.reads == 2
    mark[0] = None  # which nobody knows
    reader(table, cache, mark)
    reader(table, cache, mark)
    assert cache.reads == 4


def test_it_has_a_bound() -> None:
    table = pa.table({"a": list(range(1000))})
    size = size_of(table)
    assert size
    cache = TableCache(limit=2 * size)

    for key in (1, 2, 1, 3, 1, 2):  # 2 was used last before 3 came
        cache.read(key, lambda: "1", lambda: table)

    assert cache.reads == 4
    large = TableCache(limit=size - 1)
    large.read(1, lambda: "1", lambda: table)
    large.read(1, lambda: "1", lambda: table)
    assert large.reads == 2


def total(frame: pd.DataFrame, number: int) -> tuple[int, int, int]:
    frame["a"] += number  # its own
    return os.getpid(), cache.reads, int(frame["a"].sum()) - number * len(frame)


def merge(*found: tuple[int, int, int]) -> list[tuple[int, int, int]]:
    return [*found]


@pytest.mark.anyio
@pytest.mark.limit(120)
@pytest.mark.usefixtures("tables_are_warm")
@pytest.mark.parametrize("is_address", [False, True], ids=["path", "address"])
async def test_a_fan_out_reads_a_file_once_a_worker(
    tmp_path: Path, is_address: bool
) -> None:
    path = tmp_path / "own.parquet"
    pd.DataFrame({"a": range(1000)}).to_parquet(path)
    config = configuration("standalone", 2)
    address: Any = {"storage_options": {"auto_mkdir": False}} if is_address else {}
    place = f"file://{path}" if is_address else path
    own = config.configure_parquet_data_node("own", place, **address)
    made = [config.configure_data_node(f"made{at}") for at in range(50)]
    tasks = [
        config.configure_task(
            f"total{at}",
            total,
            [own, config.configure_data_node(f"number{at}", default_data=at)],
            node,
        )
        for at, node in enumerate(made)
    ]
    last = config.configure_data_node("last")
    tasks.append(config.configure_task("merge", merge, made, last))
    cfg = config.configure_scenario("fan_out", tasks)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        for reads in (1, 1, 2):
            if reads == 2:
                pd.DataFrame({"a": range(1000)}).to_parquet(path)

            await scenario.submit()
            found = await scenario.last.read()
            assert {one for _, one, _ in found} == {reads}
            assert {one for _, _, one in found} == {sum(range(1000))}
            assert len({pid for pid, _, _ in found}) <= 2
