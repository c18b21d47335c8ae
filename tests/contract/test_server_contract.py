"""The contract of drivers, run by those whose values are on servers."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import attrs
import pandas as pd
import pytest

from asyncflow.abc import Driver
from asyncflow.alternatives import DRIVERS
from asyncflow.drivers.generic import GenericDriver, GenericOptions
from asyncflow.drivers.mongo_collection import MongoDriver
from asyncflow.drivers.s3_object import S3Driver, S3Options
from asyncflow.testing import driver_contract
from tests.support.buckets import address as address
from tests.support.buckets import bucket as bucket
from tests.support.buckets import client as client
from tests.support.buckets import connected, keys
from tests.support.buckets import fsspec_is_warm as fsspec_is_warm
from tests.support.databases import Database
from tests.support.databases import database as database
from tests.support.databases import server_or_none as server_or_none
from tests.support.documents import SERVER
from tests.support.documents import driver as driver
from tests.support.postgres import server as server
from tests.support.queries import added, replaced

ROWS = [
    {"id": 1, "name": 'é\n, "x"\'; DROP TABLE t --', "price": 1.5},
    {"id": 2**31 - 1, "name": None, "price": -2.25},
]
KILLS = int(os.environ.get("ASYNCFLOW_TEST_KILLS", "1"))
"""How often a program that writes is killed, for each driver."""

pytestmark = [
    pytest.mark.usefixtures("tables_are_warm"),
    pytest.mark.limit(60 + 60 * KILLS),
]
OTHER = [{"id": 3, "name": "", "price": 0.0}]


def table(database: Database) -> str:
    name = f"t{uuid4().hex}"
    columns = "id INTEGER, name VARCHAR(99), price FLOAT"
    database.run(f"CREATE TABLE {name} ({columns})")
    return name


@pytest.mark.parametrize("exactly_once", [False, True])
@pytest.mark.parametrize("exposed", ["list[dict]", "pandas"])
def test_sql_table(database: Database, exposed: str, exactly_once: bool) -> None:
    def make(_: str) -> Driver:
        return database.table(
            table_name=table(database), exposed_type=exposed, exactly_once=exactly_once
        )

    values = (
        [ROWS, OTHER] if exposed != "pandas" else [*map(pd.DataFrame, (ROWS, OTHER))]
    )
    kills = KILLS if exposed != "pandas" else 0
    driver_contract(make, values, unkeepable=threading.Lock(), kills=kills)


@pytest.mark.parametrize("exactly_once", [False, True])
def test_sql(database: Database, exactly_once: bool) -> None:
    def make(_: str) -> Driver:
        name = table(database)
        return database.query(
            read_query=f"SELECT * FROM {name} ORDER BY id",
            write_query_builder=partial(replaced, name),
            append_query_builder=partial(added, name),
            exactly_once=exactly_once,
        )

    driver_contract(make, [ROWS, OTHER], unkeepable=[{"id": "x"}], kills=KILLS)


def test_mongo_collection(driver: MongoDriver) -> None:
    def make(_: str) -> Driver:
        options = attrs.evolve(driver.options, collection_name=f"c{uuid4().hex}")
        return type(driver)(None, options)

    def same(one: Any, other: Any) -> bool:
        found = [{k: v for k, v in row.items() if k != "_id"} for row in one]
        return found == [{k: v for k, v in row.items() if k != "_id"} for row in other]

    def there(driver: Any) -> Iterable[str]:
        client = driver.client()

        try:
            found: list[str] = client[driver.options.db_name].list_collection_names()
            return found
        finally:
            client.close()

    driver_contract(
        make,
        [ROWS, OTHER],
        same=same,
        unkeepable=threading.Lock(),
        there=there,
        kills=KILLS if SERVER else 0,  # mongomock is in this process
    )


def test_s3_object(address: str, client: Any) -> None:
    def make(_: str) -> Driver:
        options = S3Options(
            aws_access_key="a",
            aws_secret_access_key="b",
            aws_s3_bucket_name="shop",
            aws_s3_object_key=f"{uuid4().hex}/é +.bin",
            aws_region="us-east-1",
            aws_s3_endpoint_url=address,
        )
        return S3Driver(None, options)

    driver_contract(
        make,
        [b"\0one", b"", b"x" * 3_000_000],
        unkeepable=threading.Lock(),
        there=lambda _: keys(client),
        kills=KILLS,
    )


FORMS: dict[str, dict[str, Any]] = {
    "pickle": {},
    "json": {},
    "csv": {"exposed_type": "list[dict]"},
    "parquet": {"exposed_type": "list[dict]"},
    "excel": {"exposed_type": "list[dict]", "sheet_name": "one"},
}
MANY = [{"name": "a" * 20, "count": str(number)} for number in range(600)]


def at_address(storage_type: str, path: str, **storage: Any) -> Driver:
    found = DRIVERS.load(storage_type)
    options = found.options_at(path)
    assert options is not None
    return found.at(path, options(storage_options=storage, **FORMS[storage_type]))


@pytest.mark.parametrize("storage_type", FORMS)
def test_files_in_a_bucket(bucket: str, storage_type: str) -> None:
    place = {"endpoint_url": bucket, "region_name": "us-east-1"}

    def make(_: str) -> Driver:
        path = f"s3://shop/{uuid4().hex}/own"
        return at_address(storage_type, path, key="a", secret="b", client_kwargs=place)

    def there(_: Driver) -> list[str]:
        with connected(bucket) as client:
            return keys(client)

    driver_contract(make, [MANY, MANY[:200]], there=there, kills=KILLS)


@pytest.mark.parametrize("storage_type", FORMS)
def test_files_of_another_file_system(tmp_path: Path, storage_type: str) -> None:
    def make(_: str) -> Driver:
        path = f"file://{tmp_path}/{uuid4().hex}/own"
        return at_address(storage_type, path, auto_mkdir=True)

    driver_contract(
        make,
        [MANY, MANY[:200]],
        there=lambda _: [str(one) for one in tmp_path.rglob("*")],
        kills=KILLS,
    )


def load(path: str) -> Any:
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def dump(value: object, path: str) -> None:
    """Write as a whole: that a killed write leaves what was there is the function's own."""
    folder, name = os.path.split(path)
    draft = os.path.join(folder, "drafts", name)

    with open(draft, "w", encoding="utf-8") as file:
        json.dump(value, file)

    os.replace(draft, path)


def extend(value: list[object], path: str) -> None:
    dump([*load(path), *value], path)


def test_generic() -> None:
    def make(folder: str) -> Driver:
        os.makedirs(os.path.join(folder, "drafts"), exist_ok=True)
        path = [os.path.join(folder, "own")]
        options = GenericOptions(
            read_fct=load,
            write_fct=dump,
            append_fct=extend,
            read_fct_args=path,
            write_fct_args=path,
        )
        return GenericDriver(None, options)

    driver_contract(make, [[1, "é"], [None] * 30_000], kills=KILLS)
