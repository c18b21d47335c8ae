"""Files at addresses: of fsspec's memory, of this machine, and on moto's server."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFile

from asyncflow import Configuration, Orchestrator
from asyncflow.abc import Driver, is_address
from asyncflow.alternatives import DRIVERS
from asyncflow.drivers._file import FileDriver
from asyncflow.drivers._libraries import rows_of
from asyncflow.errors import DataNodeReadingError, DataNodeWritingError
from asyncflow.filters import Condition
from asyncflow.testing import driver_contract
from tests.support.buckets import bucket as bucket
from tests.support.buckets import connected, keys, put
from tests.support.buckets import fsspec_is_warm as fsspec_is_warm
from tests.support.flows import configuration, statuses

PLAIN = {"exposed_type": "list[dict]"}
FORMS: dict[str, dict[str, Any]] = {
    "pickle": {},
    "json": {},
    "csv": PLAIN,
    "parquet": PLAIN,
    "excel": {**PLAIN, "sheet_name": "one"},
}
ROWS = [{"name": "a", "count": "1"}, {"name": "é", "count": "2"}]
PATH = "/elsewhere/J-1.value"


def driver_at(address: str, storage_type: str, **options: Any) -> Driver:
    found = DRIVERS.load(storage_type)
    options_class = found.options_at(address)

    if options_class is None:
        return found.at(address, None)

    return found.at(address, options_class(**FORMS[storage_type], **options))


def write(driver: Driver, value: object, path: str) -> None:
    driver.publish(driver.write(value, path, "node"), path)


@pytest.fixture
def memory() -> Iterator[fsspec.AbstractFileSystem]:
    files = fsspec.filesystem("memory")
    yield files
    files.store.clear()


@pytest.mark.usefixtures("tables_are_warm", "memory")
@pytest.mark.parametrize("storage_type", FORMS)
@pytest.mark.parametrize("at", ["memory://", ""])
def test_nothing_is_called_compressed_that_is_not(
    at: str, storage_type: str, tmp_path: Path
) -> None:
    address = f"{at}{tmp_path}/own.gz"
    made = driver_at(address, storage_type)

    with pytest.raises(DataNodeWritingError, match=r"'node': .* ends in '.gz'"):
        made.write(ROWS, str(tmp_path / "J-1.value"), "node")

    assert not made.exists()


@pytest.mark.usefixtures("tables_are_warm")
@pytest.mark.parametrize("storage_type", FORMS)
def test_the_contract_in_memory(
    memory: fsspec.AbstractFileSystem, storage_type: str
) -> None:
    numbers = itertools.count()
    driver_contract(
        lambda _: driver_at(f"memory://{next(numbers)}/own", storage_type),
        [ROWS, ROWS[:1]],
        there=lambda _: [*memory.store],
    )


@pytest.mark.usefixtures("tables_are_warm")
@pytest.mark.parametrize("storage_type", FORMS)
def test_the_contract_of_files_of_this_machine(
    tmp_path: Path, storage_type: str
) -> None:
    numbers = itertools.count()
    options = {"storage_options": {"auto_mkdir": True}}
    driver_contract(
        lambda _: driver_at(
            f"file://{tmp_path}/{next(numbers)}/own", storage_type, **options
        ),
        [ROWS, ROWS[:1]],
    )


def test_an_address_of_this_machine_is_a_path(tmp_path: Path) -> None:
    driver = driver_at(f"file://{tmp_path}/own.csv", "csv")
    assert isinstance(driver, FileDriver)
    assert driver.place == str(tmp_path / "own.csv")


@pytest.mark.parametrize(
    ("path", "is_one"),
    [
        ("s3://bucket/a.csv", True),
        ("simplecache::s3://bucket/a.csv", True),
        ("/data/a://b", False),
        ("sales.csv", False),
        ("://a", False),
    ],
)
def test_what_is_an_address(path: str, is_one: bool) -> None:
    assert is_address(path) is is_one


@pytest.mark.usefixtures("tables_are_warm")
def test_columns_are_read_alone(memory: fsspec.AbstractFileSystem) -> None:
    driver = driver_at("memory://shop/sales", "parquet")
    rows = [{"a": at, "b": os.urandom(100).hex()} for at in range(20_000)]
    write(driver, rows, PATH)
    size = memory.size("shop/sales")

    with memory.open("shop/sales", "rb") as file:
        read = 0
        whole = file.read

        def counted(length: int = -1) -> bytes:
            nonlocal read
            data: bytes = whole(length)
            read += len(data)
            return data

        file.read = counted
        found: Any = driver.form.load(file, ["a"], None)  # type: ignore[attr-defined]

    assert found[-1] == {"a": 19_999}
    assert read < size / 4


@pytest.mark.usefixtures("tables_are_warm")
@pytest.mark.parametrize("storage_type", ["csv", "parquet"])
def test_a_preview_reads_a_part(
    memory: fsspec.AbstractFileSystem,
    storage_type: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    driver = driver_at("memory://shop/sales", storage_type)
    rows = [{"a": at, "b": os.urandom(100).hex()} for at in range(20_000)]
    write(driver, rows, PATH)
    read = 0

    for name in ("read", "read1"):
        whole = getattr(MemoryFile, name)

        def counted(file: MemoryFile, length: int = -1, whole: Any = whole) -> bytes:
            nonlocal read
            data: bytes = whole(file, length)
            read += len(data)
            return data

        monkeypatch.setattr(MemoryFile, name, counted)

    shown = driver.preview(None, 2)
    assert [str(row[0]) for row in shown.rows] == ["0", "1"]
    assert shown.total == (20_000 if storage_type == "parquet" else None)
    assert 0 < read < memory.size("shop/sales") / 2


def test_what_is_wrong_is_told(memory: fsspec.AbstractFileSystem) -> None:
    driver = driver_at("memory://shop/own.json", "json")

    with pytest.raises(FileNotFoundError, match=r"bring it back.*memory://shop/own"):
        driver.read(None)

    memory.pipe("shop/own.json", b"[1")

    with pytest.raises(DataNodeReadingError, match="no whole json") as caught:
        driver.read(None)

    assert caught.value.place == "memory://shop/own.json"


@pytest.mark.usefixtures("tables_are_warm")
@pytest.mark.parametrize("storage_type", ["json", "csv", "parquet", "excel"])
def test_what_rows_are_added_to_has_to_be_whole(
    memory: fsspec.AbstractFileSystem, tmp_path: Path, storage_type: str
) -> None:
    driver = driver_at("memory://shop/own", storage_type)
    memory.pipe("shop/own", b"\xff\xfe[1")
    path = str(tmp_path / "J-1.value")

    with pytest.raises(DataNodeReadingError, match="cannot be read: it") as caught:
        driver.append(ROWS, None, path, "node")

    assert caught.value.place == "memory://shop/own"
    write(driver, ROWS, path)
    driver.publish(driver.append(ROWS, None, path, "node"), path)
    assert driver.read(None) == [*ROWS, *ROWS]
    assert [*memory.store] == ["/shop/own"]
    assert not os.listdir(tmp_path)


@pytest.mark.anyio
async def test_what_is_in_memory_is_of_one_process(
    memory: fsspec.AbstractFileSystem,
) -> None:
    config = configuration("standalone", 1)
    own = config.configure_json_data_node("own", "memory://shop/own.json")
    result = config.configure_data_node("result")
    cfg = config.configure_scenario(
        "s", config.configure_task("count", len, own, result)
    )
    memory.pipe("shop/own.json", b"[1, 2]")

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        assert await scenario.own.read() == [1, 2]
        submission = await scenario.submit().wait()
        assert submission.jobs[0].reason == (
            "DataNodeReadingError: data node 'own' at memory://shop/own.json cannot be "
            "read: what is in memory is of one process, and this is another: have "
            "executor='thread', or use another address"
        )


# -------------------------------------------------------------------------- on a server


def storage(address: str, secret: str = "ENV[SHOP_SECRET]") -> dict[str, Any]:
    place = {"endpoint_url": address, "region_name": "us-east-1"}
    return {"key": "an-access-key", "secret": secret, "client_kwargs": place}


def test_a_server(bucket: str) -> None:
    options = {"storage_options": storage(bucket, "hunter2")}
    driver = driver_at("s3://shop/a/own.csv", "csv", **options)
    assert not driver.exists()
    assert driver.fingerprint() is None

    with pytest.raises(FileNotFoundError, match="bring it back"):
        driver.read(None)

    write(driver, ROWS, PATH)
    first = driver.fingerprint()
    assert driver.read(None) == ROWS
    kept = driver.write(ROWS[:1], PATH, "node")
    assert driver.read(None) == ROWS
    assert driver.is_published(kept, PATH) is False
    assert driver.fingerprint() == first
    driver.publish(kept, PATH)
    assert driver.is_published(kept, PATH) is True
    assert driver.read(None) == ROWS[:1]
    assert driver.fingerprint() != first
    assert driver_keys(bucket) == ["a/own.csv"]


@pytest.mark.usefixtures("tables_are_warm")
@pytest.mark.parametrize("exposed", ["pandas", "polars", "arrow", "list[dict]"])
def test_a_folder_of_parquet(bucket: str, exposed: str) -> None:
    options = {"storage_options": storage(bucket, "hunter2"), "exposed_type": exposed}

    def at(address: str) -> Driver:
        kind = DRIVERS.load("parquet")
        options_class = kind.options_at(address)
        assert options_class is not None
        return kind.at(address, options_class(**options))

    place = f"s3://shop/{uuid4().hex}"

    for year in (2024, 2025):
        write(at(f"{place}/year={year}/part.parquet"), ROWS, PATH)

    folder, pattern = at(place), at(f"{place}/*/part.parquet")
    before = folder.fingerprint()
    assert before
    assert pattern.fingerprint() == before
    assert folder.exists()
    assert pattern.exists()
    assert len(rows_of(folder.read(None))) == len(rows_of(pattern.read(None))) == 4
    where = Condition("year", 2025) & Condition("name", "a")
    found = folder.read(None, columns=["year", "count"], where=where)
    assert rows_of(found) == [{"year": 2025, "count": "1"}]

    more = [{"name": "c", "count": "3"}]
    path = "/elsewhere/J-2.value"
    kept = folder.append(more, None, path, "node")
    assert folder.fingerprint() == before
    folder.publish(kept, path)
    assert folder.is_published(kept, path)
    assert len(rows_of(folder.read(None))) == 5
    assert folder.fingerprint() != before

    for one in (folder, pattern):
        with pytest.raises(
            DataNodeWritingError, match=r"'node' at .*give the address of a file"
        ):
            one.write(ROWS, PATH, "node")

    with pytest.raises(FileNotFoundError, match="bring it back"):
        at("s3://shop/nothing/*.parquet").read(None)


def driver_keys(address: str) -> list[str]:
    with connected(address) as client:
        return keys(client)


@pytest.mark.parametrize(
    ("address", "is_up", "remedy"),
    [
        ("s3://nowhere/own.json", True, "make the bucket or the folder first"),
        ("s3://shop/own.json", False, "see that the server can be reached"),
    ],
)
def test_errors_name_node_place_and_remedy(
    bucket: str, address: str, is_up: bool, remedy: str
) -> None:
    server = bucket if is_up else "http://127.0.0.1:1"
    options = {
        **storage(server, "hunter2"),
        "config_kwargs": {"retries": {"max_attempts": 1}},
    }
    driver = driver_at(address, "json", storage_options=options)

    with pytest.raises(DataNodeWritingError) as caught:
        write(driver, [1], PATH)

    told = str(caught.value)
    assert told.startswith(f"data node 'node' at {address} cannot be written: ")
    assert remedy in told
    assert "hunter2" not in told


@pytest.mark.anyio
@pytest.mark.blocking_jobs
async def test_a_scenario_reads_and_writes_addresses(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_SECRET", "hunter2")
    config = configuration("development")
    options: dict[str, Any] = {"storage_options": storage(bucket)}
    sales = config.configure_csv_data_node(
        "sales", "s3://shop/sales.csv", exposed_type="list[dict]", **options
    )
    count = config.configure_json_data_node("count", "s3://shop/count.json", **options)
    task = config.configure_task("count_", len, sales, count, skippable=True)
    cfg = config.configure_scenario("shop", task)
    assert "hunter2" not in repr(config)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.sales.write(ROWS)
        await scenario.submit()
        assert await scenario.count.read() == 2
        assert statuses((await scenario.submit()).jobs) == ["SKIPPED"]
        assert scenario.sales.describe()["place"] == "s3://shop/sales.csv"
        put(bucket, "sales.csv", b"name,count\na,1\n")
        submission = await scenario.submit()
        reason = "`sales` was changed by something else, at s3://shop/sales.csv"
        assert [job.reason for job in submission.jobs] == [reason]
        assert await scenario.count.read() == 1


@pytest.mark.parametrize(
    ("address", "message", "remedy"),
    [
        ("gs://shop/own.csv", "needs gcsfs", "pip install gcsfs"),
        ("what://shop/own.csv", "nothing reaches 'what://shop/own.csv'", "give a path"),
    ],
)
def test_what_is_missing_is_found_before(
    address: str, message: str, remedy: str
) -> None:
    config = Configuration()
    node = config.configure_csv_data_node("own", address, exposed_type="list[dict]")
    config.configure_scenario("s", config.configure_task("count", len, node))
    (problem,) = config.problems()
    assert message in problem.message
    assert problem.remedy.startswith(remedy)
