"""A folder of Parquet files at an address is replaced as a whole, and appended to so."""

from __future__ import annotations

import itertools
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from asyncflow import Configuration, Orchestrator
from asyncflow.abc import Driver
from asyncflow.drivers._remote_folders import ADDS, DROPS
from asyncflow.drivers.parquet import ParquetDriver
from asyncflow.errors import DataNodeWritingError
from asyncflow.testing import driver_contract
from tests.drivers.test_partitioned import (
    MANY,
    OTHER,
    ROWS,
    check_a_job_writes_it,
    halved,
    made_at,
    same,
)
from tests.support.buckets import bucket as bucket
from tests.support.buckets import connected, keys
from tests.support.buckets import fsspec_is_warm as fsspec_is_warm

KILLS = int(os.environ.get("ASYNCFLOW_TEST_KILLS", "1"))
"""How often a program that writes is killed."""

pytestmark = [
    pytest.mark.usefixtures("tables_are_warm"),
    pytest.mark.limit(60 + 60 * KILLS),
]


@pytest.fixture
def memory() -> Iterator[MemoryFileSystem]:
    files = fsspec.filesystem("memory")
    yield files
    files.store.clear()
    files.pseudo_dirs[:] = [""]


def in_bucket(bucket: str, *names: str) -> Driver:
    place = {"endpoint_url": bucket, "region_name": "us-east-1"}
    storage = {"key": "a", "secret": "b", "client_kwargs": place}
    address = f"s3://shop/{uuid4().hex}/own"
    return made_at(address, *names, storage_options=storage)


def not_in_place(names: list[str]) -> list[str]:
    return [name for name in names if "/own/" not in name or "_asyncflow" in name]


def write(made: Driver, value: object, number: int = 1) -> object:
    path = f"/elsewhere/ORCHESTRATOR_1-{number}.value"
    return made.publish(made.write(value, path, "node"), path)


def append(made: Driver, value: object, number: int) -> None:
    path = f"/elsewhere/ORCHESTRATOR_1-{number}.value"
    made.publish(made.append(value, None, path, "node"), path)


def test_it_is_a_driver(memory: MemoryFileSystem) -> None:
    numbers = itertools.count()
    driver_contract(
        lambda _: made_at(f"memory://{next(numbers)}/own", "year"),
        [ROWS, OTHER],
        same=same,
        unkeepable=threading.Lock(),
        there=lambda _: not_in_place([*memory.store]),
    )


def test_a_killed_write_in_a_bucket(bucket: str) -> None:
    def there(_: Driver) -> list[str]:
        with connected(bucket) as client:
            return not_in_place(keys(client))

    driver_contract(
        lambda _: in_bucket(bucket, "year"),
        [MANY, MANY[:1000]],
        same=same,
        there=there,
        kills=KILLS,
    )


def test_a_killed_write_of_another_file_system(tmp_path: Path) -> None:
    numbers = itertools.count()

    def there(_: Driver) -> list[str]:
        return not_in_place([str(one) for one in tmp_path.rglob("*")])

    driver_contract(
        lambda _: made_at(
            f"file://{tmp_path}/{next(numbers)}/own",
            *("year", "kind"),
            storage_options={"auto_mkdir": True},
        ),
        [MANY, MANY[:1000]],
        same=same,
        there=there,
        kills=KILLS,
    )


def test_what_is_there_is_replaced(memory: MemoryFileSystem) -> None:
    made = made_at("memory://shop/own", "year")
    assert not made.exists()
    assert write(made, ROWS) is None
    assert made.exists()
    assert {name.split("/")[3] for name in memory.store} == {"year=2023", "year=2024"}
    write(made, OTHER, 2)
    assert made.read(None) == OTHER
    assert memory.find("/shop", withdirs=True)[1:] == [
        "/shop/own",
        "/shop/own/year=2022",
        "/shop/own/year=2022/ORCHESTRATOR_1-2-0.parquet",
    ]


def test_rows_are_appended(memory: MemoryFileSystem) -> None:
    made = made_at("memory://shop/own", "year")
    append(made, ROWS[:0], 1)
    append(made, ROWS, 2)
    path = "/elsewhere/ORCHESTRATOR_1-3.value"
    kept = made.append([*OTHER, ROWS[0]], None, path, "node")
    assert same(made.read(None), ROWS)
    made.publish(kept, path)
    assert same(made.read(None), [*ROWS, *OTHER, ROWS[0]])
    append(made, ROWS[:0], 4)
    assert made.preview(None, 2).total == len(ROWS) + 2

    with pytest.raises(DataNodeWritingError, match=r"'node'.*no.*wrong"):
        made.append([{**ROWS[0], "wrong": 1}], None, path, "node")

    assert {name.split("/")[2] for name in memory.store} == {"own"}


@pytest.mark.parametrize(
    ("names", "value", "words"),
    [
        (["wrong"], ROWS, "no column 'wrong'.*use some of name, size, year"),
        (["year"], 5, "is no table"),
        (["year"], [{"year": 1, "a": 2**70}], "can hold"),
    ],
)
def test_what_cannot_be_kept_so(
    memory: MemoryFileSystem, names: list[str], value: Any, words: str
) -> None:
    write(made_at("memory://shop/own", "year"), ROWS)
    before = {*memory.store}
    made = made_at("memory://shop/own", *names)

    with pytest.raises(DataNodeWritingError, match=f"data node 'node'.*{words}"):
        write(made, value, 2)

    assert same(made.read(None), ROWS)
    assert {*memory.store} == before


def test_where_there_is_a_file(memory: MemoryFileSystem) -> None:
    memory.pipe("/shop/own", b"mine")

    with pytest.raises(DataNodeWritingError, match=r"'node' at memory.*move it away"):
        write(made_at("memory://shop/own", "year"), ROWS)

    with pytest.raises(DataNodeWritingError, match=r"'node'.*it is no folder"):
        write(made_at("memory://shop/own-*", "year"), ROWS)

    assert memory.cat("/shop/own") == b"mine"


def test_who_reads_the_folder_otherwise_sees_what_counts(
    memory: MemoryFileSystem,
) -> None:
    made = made_at("memory://shop/own", "year")
    write(made, ROWS)
    drops = [name.removeprefix("/shop/own/") for name in memory.store]
    memory.pipe(
        "/shop/own/year=2022/A-2-0.parquet",
        next(iter(memory.store.values())).getvalue(),
    )
    memory.pipe(f"/shop/own/{ADDS}A-2", b"")
    plain = ParquetDriver.at("memory://shop/own", made.form.options)  # type: ignore[attr-defined]
    assert same(plain.read(None), ROWS)
    memory.pipe(f"/shop/own/{DROPS}A-2", json.dumps(drops).encode())
    assert [row["year"] for row in plain.read(None)] == [2022]  # type: ignore[attr-defined]


@pytest.mark.anyio
async def test_a_job_writes_it(
    config: Configuration, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENDPOINT", bucket)
    given = config.configure_data_node("given", default_data=MANY)
    options: dict[str, Any] = {
        "exposed_type": "list[dict]",
        "write_options": {"partition_cols": ["year"]},
        "storage_options": {
            "key": "a",
            "secret": "b",
            "endpoint_url": "ENV[ENDPOINT]",
            "client_kwargs": {"region_name": "us-east-1"},
        },
    }
    own = config.configure_parquet_data_node("own", "s3://shop/a b/own", **options)
    task = config.configure_task("halve", halved, given, own)
    config.configure_scenario("flow", task)

    async with Orchestrator(config, ":memory:") as orchestrator:
        await check_a_job_writes_it(orchestrator)

    with connected(bucket) as client:
        assert len(keys(client)) == 8
        assert not [name for name in keys(client) if "_asyncflow" in name]
