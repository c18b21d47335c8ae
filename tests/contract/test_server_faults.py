"""Each fault of a server, for each driver: the error names node, place and remedy, and has
no secret."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.request import Request, urlopen

import psycopg
import pytest
from botocore.config import Config

from asyncflow import Configuration, Orchestrator
from asyncflow.errors import (
    DataNodeReadingError,
    DataNodeWritingError,
    NoData,
    PackageMissing,
)
from tests.support.buckets import address as address
from tests.support.buckets import bucket as bucket
from tests.support.buckets import client as client
from tests.support.buckets import fsspec_is_warm as fsspec_is_warm
from tests.support.buckets import put
from tests.support.mongo_wire import refusing
from tests.support.postgres import Server
from tests.support.postgres import server as server

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("tables_are_warm")]

SECRET = "hunter2"
ROWS = [{"id": 1, "name": "é", "price": 1.5}]
TOLD = (DataNodeReadingError, DataNodeWritingError, NoData, PackageMissing)

Verb = Callable[[], Awaitable[object]]
Fault = tuple[dict[str, Any], str]
"""The options of a data node, and what the error says, as a pattern."""


async def check(storage_type: str, faults: dict[str, Fault], value: object) -> None:
    """See what a read and a write of each faulty data node say."""
    config = Configuration()

    for name, (options, _) in faults.items():
        config.configure_data_node(name, storage_type, **options)

    config.configure_scenario("flow", [], [*config.data_nodes.values()])
    config.configure_job_executions("development")

    async with Orchestrator(config, ":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(config.scenarios["flow"])

        for name, (_, words) in faults.items():
            node = scenario.data_nodes[name]
            found: list[Verb] = [node.read, partial(node.write, value)]

            for verb in found[:1] if name.endswith("_read") else found:
                with pytest.raises(TOLD, match=words) as caught:
                    await verb()

                told = f"{caught.value}"
                assert f"data node {name!r}" in told, told
                assert ": " in told
                assert SECRET not in told + repr(caught.value), told
                assert not isinstance(caught.value.__cause__, BaseException) or (
                    SECRET not in repr(caught.value.__cause__)
                )


@pytest.mark.parametrize("storage_type", ["sql_table", "sql"])
async def test_sqlite(tmp_path: Path, storage_type: str) -> None:
    def at(name: str, table: str = "items", more: str = "") -> dict[str, Any]:
        asked = (
            {"table_name": table}
            if storage_type == "sql_table"
            else {
                "read_query": f"SELECT * FROM {table}",
                "write_query_builder": lambda rows: [
                    (f"INSERT INTO {table} VALUES (:id, :name, :price)", rows)
                ],
            }
        )
        url = f"sqlite:///{tmp_path / name}.db{more}"
        return {"url": url, "exposed_type": "list[dict]", **asked}

    whole = sqlite3.connect(tmp_path / "whole.db", isolation_level=None)
    whole.execute("CREATE TABLE items (id INTEGER, name TEXT, price FLOAT)")
    whole.execute("CREATE TABLE latin (name TEXT)")
    whole.execute("INSERT INTO latin VALUES (CAST(X'E9E9' AS TEXT))")
    whole.execute("BEGIN")
    whole.executemany(
        "INSERT INTO items VALUES (?, 'a', 1)", [(n,) for n in range(9999)]
    )
    whole.execute("COMMIT")
    data = (tmp_path / "whole.db").read_bytes()
    (tmp_path / "half.db").write_bytes(data[: len(data) // 2])
    (tmp_path / "locked.db").write_bytes(data)
    (tmp_path / "text.db").write_text("text " * 1000)
    (tmp_path / "folder.db").mkdir()
    locked = sqlite3.connect(tmp_path / "locked.db", isolation_level=None)
    locked.execute("BEGIN EXCLUSIVE")

    try:
        await check(
            storage_type,
            {
                "none": (
                    at("nothing"),
                    r"nothing\.db.*there is no database.*create it",
                ),
                "folder": (at("folder"), r"folder\.db.*a folder: move it away"),
                "text": (at("text"), r"text\.db.*bring the database back"),
                "half": (at("half"), r"half\.db.*bring back a copy"),
                "locked": (
                    at("locked", more="?timeout=0.01"),
                    r"locked\.db.*another program holds its lock.*retry",
                ),
                "table": (at("whole", "nothing"), r"whole\.db.*nothing.*correct"),
                "latin_read": (at("whole", "latin"), r"whole\.db.*UTF-8.*as bytes"),
            },
            ROWS,
        )
    finally:
        locked.close()
        whole.close()


@pytest.mark.parametrize("storage_type", ["sql_table", "sql"])
async def test_postgresql(server: Server, storage_type: str) -> None:
    server.run("DROP TABLE IF EXISTS kept", "tests")
    server.run("CREATE TABLE kept (id INTEGER, name TEXT, price FLOAT)", "tests")
    server.run("DROP ROLE IF EXISTS nobody_much")
    server.run("CREATE ROLE nobody_much LOGIN")
    host = f"host={server.folder}"

    def at(user: str, place: str, table: str = "kept") -> dict[str, Any]:
        asked = (
            {"table_name": table}
            if storage_type == "sql_table"
            else {
                "read_query": f"SELECT * FROM {table}",
                "write_query_builder": lambda rows: [
                    (f"INSERT INTO {table} VALUES (:id, :name, :price)", rows)
                ],
            }
        )
        url = f"postgresql://{user}:{SECRET}@{place}"
        return {"url": url, "exposed_type": "list[dict]", **asked}

    up = "see that the server runs"

    with ExitStack() as stack:
        holder = stack.enter_context(psycopg.connect(server.url("tests")))
        server.run("DROP TABLE IF EXISTS held", "tests")
        server.run("CREATE TABLE held (id INTEGER, name TEXT, price FLOAT)", "tests")
        holder.execute("LOCK TABLE held")
        wait = "options=-c%20lock_timeout%3D20"
        await check(
            storage_type,
            {
                "password": (at("guarded", f"/tests?{host}"), up),
                "rejected": (at("stranger", f"/tests?{host}"), up),
                "base": (at("asyncflow", f"/nothing?{host}"), f"nothing.*{up}"),
                "socket": (at("me", "/tests?host=/nowhere/at/all"), up),
                "port": (at("me", "127.0.0.1:1/tests"), f"127.0.0.1.*{up}"),
                "table": (at("asyncflow", f"/tests?{host}", "no"), "no.*correct"),
                "grant": (
                    at("nobody_much", f"/tests?{host}"),
                    "permission denied.*grant",
                ),
                "locked": (
                    at("asyncflow", f"/tests?{host}&{wait}", "held"),
                    "another program holds its lock",
                ),
            },
            ROWS,
        )


async def test_mongo() -> None:
    def at(port: int, **more: Any) -> dict[str, Any]:
        known = {"db_username": "me", "db_password": SECRET, "db_name": "shop"}
        wait = {"serverSelectionTimeoutMS": 20 if port == 1 else 20_000}
        return {
            "collection_name": "items",
            "db_host": "127.0.0.1",
            "db_port": port,
            "db_extra_args": wait,
            **known,
            **more,
        }

    place = r"mongodb://127\.0\.0\.1:\d+/shop\.items"

    with refusing(18, "Authentication failed.") as refused, refusing(0, "") as silent:
        open_ = {"db_username": "", "db_password": ""}
        with refusing(13, "not authorized on shop") as forbidden:
            await check(
                "mongo_collection",
                {
                    "server": (at(1), f"{place}.*refused: see that the server runs"),
                    "password": (
                        at(refused),
                        f"{place}.*Authentication failed.*password",
                    ),
                    "grant": (at(forbidden, **open_), f"{place}.*may do it"),
                    "broken": (at(silent, **open_), place),
                    "extra": (
                        at(1, db_extra_args={"nonsense": 1}),
                        f"{place}.*nonsense.*correct db_extra_args",
                    ),
                },
                ROWS,
            )


@contextmanager
def guarding(address: str) -> Iterator[None]:
    """Have moto's server look at credentials."""

    def look_after(requests: int) -> None:
        data, kind = str(requests).encode(), {"Content-Type": "text/plain"}

        with urlopen(Request(f"{address}/moto-api/reset-auth", data, kind)):
            return

    look_after(0)

    try:
        yield
    finally:
        look_after(1_000_000)


@pytest.fixture
def guarded(address: str) -> Iterator[None]:
    with guarding(address):
        yield


def bucket_at(address: str, **more: Any) -> dict[str, Any]:
    given = {
        "aws_access_key": "me",
        "aws_secret_access_key": SECRET,
        "aws_s3_bucket_name": "shop",
        "aws_s3_object_key": "a.bin",
        "aws_region": "us-east-1",
        "aws_s3_endpoint_url": address,
        "aws_s3_client_parameters": {
            "config": Config(connect_timeout=1, retries={"max_attempts": 0})
        },
    }
    return {**given, **more}


async def test_s3(address: str, client: Any) -> None:
    await check(
        "s3_object",
        {
            "bucket": (
                bucket_at(address, aws_s3_bucket_name="nothing"),
                "s3://nothing/a.bin.*create the bucket",
            ),
            "key_read": (bucket_at(address), "s3://shop/a.bin.*write to the data node"),
            "name": (
                bucket_at(address, aws_s3_bucket_name="no bucket"),
                's3://no bucket/a.bin.*name "no bucket".*correct aws_s3_bucket_name',
            ),
            "server": (
                bucket_at("http://127.0.0.1:1"),
                "s3://shop/a.bin.*can be reached",
            ),
        },
        b"data",
    )


async def test_s3_credentials(
    address: str, client: Any, guarded: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)

    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    none = {"aws_access_key": None, "aws_secret_access_key": None}
    half = {"aws_secret_access_key": None}
    await check(
        "s3_object",
        {
            "wrong": (bucket_at(address), "s3://shop/a.bin.*correct aws_access_key"),
            "none": (bucket_at(address, **none), "s3://.*give aws_access_key"),
            "half": (bucket_at(address, **half), "s3://.*give aws_access_key"),
        },
        b"data",
    )


async def test_addresses(bucket: str) -> None:
    put(bucket, "folder/part/x", b"x")
    put(bucket, "half", b'PK\x03\x04{"a": "\xe9\xff')

    def at(place: str, server: str = bucket) -> dict[str, Any]:
        options = {
            "key": "me",
            "secret": SECRET,
            "client_kwargs": {"endpoint_url": server, "region_name": "us-east-1"},
            "config_kwargs": {"retries": {"max_attempts": 1}},
        }
        return {"default_path": place, "storage_options": options}

    away = at("s3://shop/own", "http://127.0.0.1:1")
    faults: dict[str, Fault] = {
        "half_read": (at("s3://shop/half"), "(?s)s3://shop/half .*: (bring|name)"),
        "folder_read": (at("s3://shop/folder"), "s3://shop/folder.*: "),
    }
    more: dict[str, Fault] = {
        "bucket": (at("s3://nowhere/own"), "s3://nowhere/own.*: make"),
        "server": (away, "can be reached"),
        "key_read": (at("s3://shop/own"), "s3://shop/own: make it"),
    }
    await check("csv", {**faults, **more}, ROWS)

    for storage_type in ("parquet", "json", "excel", "pickle"):
        await check(storage_type, faults, ROWS)


ADDRESSED = {
    "csv": ROWS,
    "parquet": ROWS,
    "json": ROWS,
    "excel": ROWS,
    "pickle": ROWS,
}


@pytest.mark.parametrize("storage_type", ADDRESSED)
async def test_credentials_of_a_bucket(
    bucket: str, storage_type: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("OWN_SECRET", SECRET)
    place = {"endpoint_url": bucket, "config_kwargs": {"retries": {"max_attempts": 1}}}
    given: dict[str, dict[str, Any]] = {
        "wrong": {"key": "me", "secret": SECRET},
        "environment": {"key": "me", "secret": "ENV[OWN_SECRET]"},
        "nobody": {"anon": True},
        "none": {},
    }
    faults: dict[str, Fault] = {
        name: (
            {
                "default_path": "s3://shop/own",
                "storage_options": {**place, "client_kwargs": REGION, **own},
            },
            "s3://shop/own.*: .*storage_options",
        )
        for name, own in given.items()
    }

    with guarding(bucket):
        await check(storage_type, faults, ROWS)


REGION = {"region_name": "us-east-1"}


@contextmanager
def answering(status: int) -> Iterator[str]:
    """Serve a site that answers all with an error."""

    class Answer(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.send_error(status)

        do_GET = do_HEAD = do_PUT = do_POST = answer  # noqa: N815  # as they are called

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()

        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "401.*storage_options"),
        (403, "403.*storage_options"),
        (404, "make it"),
    ],
)
async def test_a_site_that_refuses(
    fsspec_is_warm: None, status: int, words: str
) -> None:
    with answering(status) as site:
        options = {"headers": {"Authorization": SECRET}}
        given = {"default_path": f"{site}/own", "storage_options": options}
        faults: dict[str, Fault] = {"own_read": (given, f"{site}/own.*{words}")}

        for storage_type in ADDRESSED:
            await check(storage_type, faults, ROWS)

        await check(
            "csv",
            {
                "own": (
                    {"default_path": f"{site}/own"},
                    f"{words}|an address that can be",
                )
            },
            ROWS,
        )
        site_with_password = site.replace("//", f"//me:{SECRET}@")
        await check(
            "csv",
            {"own_read": ({"default_path": f"{site_with_password}/own"}, words)},
            ROWS,
        )


@pytest.mark.parametrize(
    ("storage_type", "package", "options"),
    [
        ("sql_table", "sqlalchemy", {"url": "sqlite:///x.db", "table_name": "t"}),
        ("mongo_collection", "pymongo", {"db_name": "d", "collection_name": "c"}),
        ("s3_object", "botocore", bucket_at("http://127.0.0.1:1")),
        ("csv", "fsspec", {"default_path": "s3://a/b"}),
        ("csv", "pandas", {"default_path": "b.csv"}),
        ("csv", "polars", {"default_path": "b.csv", "exposed_type": "polars"}),
        ("parquet", "pyarrow", {"default_path": "b.parquet"}),
        ("excel", "python_calamine", {"default_path": "b.xlsx"}),
    ],
)
async def test_a_missing_package_is_told_at_the_opening(
    monkeypatch: pytest.MonkeyPatch,
    storage_type: str,
    package: str,
    options: dict[str, Any],
) -> None:
    config = Configuration()
    config.configure_data_node("own", storage_type, **options)
    monkeypatch.setitem(sys.modules, package, None)
    (told,) = [one for one in config.problems() if "needs" in one.message]
    assert package in told.message
    assert "pip install" in told.remedy
