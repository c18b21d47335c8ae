"""A folder of Parquet files is replaced as a whole, and appended to as a whole."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from asyncflow import Configuration, Orchestrator, Scenario
from asyncflow.abc import Driver
from asyncflow.drivers._parquet import ParquetFiles
from asyncflow.drivers.parquet import ParquetDriver, ParquetOptions
from asyncflow.errors import DataNodeReadingError, DataNodeWritingError
from asyncflow.testing import driver_contract

KILLS = int(os.environ.get("ASYNCFLOW_TEST_KILLS", "1"))
"""How often a program that writes is killed."""

pytestmark = [
    pytest.mark.usefixtures("tables_are_warm"),
    pytest.mark.limit(60 + 60 * KILLS),
]

ROWS: list[dict[str, Any]] = [
    {"name": "é", "size": 1.5, "year": 2023},
    {"name": None, "size": -2.0, "year": 2024},
    {"name": "", "size": 0.0, "year": 2024},
]
OTHER: list[dict[str, Any]] = [{"name": "ü", "size": 9.0, "year": 2022}]
MANY: list[dict[str, Any]] = [
    {"name": "a" * 20, "size": n / 2, "year": 2000 + n % 7, "kind": f"k {n % 3}/é"}
    for n in range(3000)
]


def made_at(path: object, *names: str, **options: Any) -> Driver:
    given = {"partition_cols": [*names], **options.pop("write_options", {})}
    return ParquetDriver.at(
        str(path),
        ParquetOptions(
            write_options=given, **{"exposed_type": "list[dict]", **options}
        ),
    )


def ordered(value: Any) -> list[str]:
    """Return rows, which come by their partitions, as texts in one order."""
    rows = pa.table(pl.DataFrame(value)).to_pylist()
    return sorted(repr(sorted(row.items())) for row in rows)


def same(one: Any, other: Any) -> bool:
    return ordered(one) == ordered(other)


def through(made: Driver, folder: Path, value: Any, number: int = 1) -> Any:
    path = str(folder / f"A-{number}.value")
    return made.read(made.publish(made.write(value, path, "node"), path))


KINDS = {"list[dict]": list, "pandas": pd.DataFrame, "polars": pl.DataFrame}


@pytest.mark.parametrize("exposed", KINDS)
def test_it_is_a_driver(exposed: str) -> None:
    driver_contract(
        lambda folder: made_at(f"{folder}/own", "year", exposed_type=exposed),
        [KINDS[exposed](ROWS), KINDS[exposed](OTHER)],
        same=same,
        unkeepable=threading.Lock(),
    )


def test_a_killed_write() -> None:
    driver_contract(
        lambda folder: made_at(f"{folder}/own", "year", "kind"),
        [MANY, MANY[:1000]],
        same=same,
        kills=KILLS,
    )


def test_each_value_has_a_folder_of_its_own(tmp_path: Path) -> None:
    made = made_at(tmp_path / "own", "year")
    assert same(through(made, tmp_path, ROWS), ROWS)
    assert sorted(os.listdir(tmp_path / "own")) == ["year=2023", "year=2024"]
    (tmp_path / "own").chmod(0o750)
    assert through(made, tmp_path, OTHER, 2) == OTHER
    assert os.listdir(tmp_path / "own") == ["year=2022"]
    assert (tmp_path / "own").stat().st_mode & 0o777 == 0o750
    assert os.listdir(tmp_path) == ["own"]


def test_a_link_to_a_folder_stays_one(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "own").symlink_to(tmp_path / "there")
    made = made_at(tmp_path / "own", "year")
    assert through(made, tmp_path, OTHER) == OTHER
    assert (tmp_path / "own").is_symlink()
    assert os.listdir(tmp_path / "there") == ["year=2022"]


@pytest.mark.parametrize("exposed", ["pandas", "polars", "arrow"])
def test_a_table_without_rows_keeps_its_columns(tmp_path: Path, exposed: str) -> None:
    made = made_at(tmp_path / "own", "year", exposed_type=exposed)
    found = through(made, tmp_path, pl.DataFrame(ROWS).head(0))
    assert pl.DataFrame(found).columns == ["name", "size", "year"]
    path = str(tmp_path / "A-2.value")
    made.publish(made.append(OTHER, None, path, "node"), path)
    assert same(made.read(None), OTHER)


def test_categories_and_missing_values_are_partitions(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"kind": pd.Categorical(["a/b", None, "é ="]), "size": [1, 2, 3]}
    )
    made = made_at(tmp_path / "own", "kind", exposed_type="pandas")
    found: Any = through(made, tmp_path, frame)
    kinds = dict(zip(found["size"], found["kind"], strict=True))
    assert (kinds[1], kinds[3], pd.isna(kinds[2])) == ("a/b", "é =", True)


def test_rows_are_appended_to_their_partitions(tmp_path: Path) -> None:
    made = made_at(tmp_path / "own", "year")
    through(made, tmp_path, ROWS)
    files = {one.stat().st_ino for one in tmp_path.rglob("*.parquet")}
    path = str(tmp_path / "A-2.value")
    kept = made.append([*OTHER, ROWS[0]], None, path, "node")
    assert same(made.read(None), ROWS)
    made.publish(kept, path)
    assert same(made.read(None), [*ROWS, *OTHER, ROWS[0]])
    assert files < {one.stat().st_ino for one in tmp_path.rglob("*.parquet")}

    with pytest.raises(DataNodeWritingError, match=r"'node'.*no.*wrong"):
        made.append([{**ROWS[0], "wrong": 1}], None, path, "node")

    assert sorted(os.listdir(tmp_path)) == ["own"]


def test_options_go_through(tmp_path: Path) -> None:
    more = {"row_group_size": 10, "use_dictionary": False}
    made = made_at(tmp_path / "own", "year", compression="zstd", write_options=more)
    through(made, tmp_path, MANY)
    file = next(tmp_path.rglob("*.parquet"))
    found = pa.parquet.ParquetFile(file).metadata.row_group(0)
    assert (found.num_rows, found.column(0).compression) == (10, "ZSTD")

    wrong = made_at(tmp_path / "own", "year", write_options={"no_such": 1})

    with pytest.raises(DataNodeWritingError, match=r"'node'.*correct write_options"):
        through(wrong, tmp_path, ROWS)


@pytest.mark.parametrize(
    ("names", "value", "words"),
    [
        (["wrong"], ROWS, "no column 'wrong'.*use some of name, size, year"),
        (["name", "size", "year"], ROWS, "all of its columns are partition_cols"),
        (["year"], 5, "is no table"),
        (["year"], [{"year": 1, "a": 2**70}], "can hold"),
    ],
)
def test_what_cannot_be_kept_so(
    tmp_path: Path, names: list[str], value: Any, words: str
) -> None:
    through(made_at(tmp_path / "own", "year"), tmp_path, ROWS)
    made = made_at(tmp_path / "own", *names)

    with pytest.raises(DataNodeWritingError, match=f"data node 'node'.*{words}"):
        through(made, tmp_path, value, 2)

    assert same(made.read(None), ROWS)
    assert os.listdir(tmp_path) == ["own"]


def test_where_no_folder_can_be(tmp_path: Path) -> None:
    (tmp_path / "own").touch()

    with pytest.raises(DataNodeWritingError, match=r"'node' at .*own.*move it away"):
        through(made_at(tmp_path / "own", "year"), tmp_path, ROWS)

    with pytest.raises(OSError, match=r"'node' cannot be.*make its folder first.*own"):
        through(made_at(tmp_path / "none" / "own", "year"), tmp_path, ROWS)

    options = ParquetOptions(write_options={"partition_cols": ["year"]})

    with pytest.raises(DataNodeWritingError, match=r"'node'.*give its path"):
        through(ParquetDriver.at(None, options), tmp_path, ROWS)

    assert os.listdir(tmp_path) == ["own"]


def test_texts_that_are_numbers_are_appended(tmp_path: Path) -> None:
    made = made_at(tmp_path / "own", "kind")
    through(made, tmp_path, [{"kind": "1", "a": 1}])
    path = str(tmp_path / "A-2.value")
    made.publish(made.append([{"kind": "x", "a": 2}], None, path, "node"), path)
    found: Any = made.read(None)
    assert {(str(row["kind"]), row["a"]) for row in found} == {("1", 1), ("x", 2)}


def test_arrow_writes_it_whatever_reads_it() -> None:
    given = {"partition_cols": ["year"]}
    options = ParquetOptions(exposed_type="polars", write_options=given)
    assert {*ParquetDriver.needs(options)} == {"polars", "pyarrow"}
    assert {*ParquetDriver.needs(ParquetOptions(exposed_type="polars"))} == {"polars"}


@pytest.mark.parametrize("names", ["year", [], [1], 5, ["_year"], ["a", ".b"]])
def test_names_that_are_none(names: Any) -> None:
    with pytest.raises(ValueError, match="partition_cols"):
        ParquetOptions(write_options={"partition_cols": names})


def test_what_is_replaced_while_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = made_at(tmp_path / "own", "year")
    through(made, tmp_path, ROWS)
    load, left = ParquetFiles.load, [OTHER]

    def slow(self: ParquetFiles, file: Any, *asked: Any) -> object:
        if left:
            through(made_at(tmp_path / "own", "year"), tmp_path, left.pop(), 2)
            raise FileNotFoundError(file)

        return load(self, file, *asked)

    monkeypatch.setattr(ParquetFiles, "load", slow)
    assert made.read(None) == OTHER or not left


def halved(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**row, "size": row["size"] / 2} for row in rows]


async def check_a_job_writes_it(orchestrator: Orchestrator) -> Scenario:
    """Have a job write the data node ``own`` twice; read parts of it, and append."""
    scenario = await orchestrator.create_scenario("flow")

    for _ in range(2):
        await scenario.submit()

    where = ("year", 2003)
    found = await scenario.own.read(columns=["year"], where=where)
    assert found == [{"year": 2003}] * sum(row["year"] == 2003 for row in MANY)
    assert (await scenario.own.preview(2)).total == len(MANY)
    await scenario.own.append(OTHER_OF_MANY)
    assert len(await scenario.own.read()) == len(MANY) + 1
    return scenario


@pytest.mark.anyio
async def test_a_job_writes_it(config: Configuration, tmp_path: Path) -> None:
    given = config.configure_data_node("given", default_data=MANY)
    options = {"partition_cols": ["year"]}
    own = config.configure_parquet_data_node(
        "own", tmp_path / "own", exposed_type="list[dict]", write_options=options
    )
    task = config.configure_task("halve", halved, given, own)
    config.configure_scenario("flow", task)

    async with Orchestrator(config, ":memory:") as orchestrator:
        scenario = await check_a_job_writes_it(orchestrator)

        with pytest.raises(DataNodeReadingError, match="'wrong'"):
            await scenario.own.read(columns=["wrong"])


OTHER_OF_MANY = [{"name": "z", "size": 1.0, "year": 1999, "kind": "x"}]
