"""S3 for tests: moto's server, with a bucket ``shop``."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import fsspec
import pytest
import s3fs
from botocore.session import Session
from moto.server import ThreadedMotoServer


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def client(address: str) -> Iterator[Any]:
    client = Session().create_client(
        "s3",
        region_name="us-east-1",
        endpoint_url=address,
        aws_access_key_id="a",
        aws_secret_access_key="b",
    )
    client.create_bucket(Bucket="shop")
    yield client

    for name in keys(client):
        client.delete_object(Bucket="shop", Key=name)

    client.delete_bucket(Bucket="shop")
    client.close()


def keys(client: Any) -> list[str]:
    found = client.list_objects_v2(Bucket="shop").get("Contents", ())
    return [one["Key"] for one in found]


@pytest.fixture(scope="session")
def fsspec_is_warm() -> None:
    """The threads run that fsspec keeps for all of its asynchronous file systems."""
    one = ThreadPoolExecutor(1)
    fsspec.asyn.get_loop().set_default_executor(one)
    one.submit(int).result()


@pytest.fixture
def bucket(fsspec_is_warm: None) -> Iterator[str]:
    """Give the address of a server that has the bucket ``shop``."""
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    reset = urllib.request.Request(f"{address}/moto-api/reset", method="POST")
    urllib.request.urlopen(
        reset, timeout=30
    ).close()  # all servers of a process are one
    client = Session().create_client("s3", **plain(address))
    client.create_bucket(Bucket="shop")
    client.close()
    yield address

    for files in s3fs.S3FileSystem._cache.values():
        s3fs.S3FileSystem.close_session(files.loop, files._s3)

    s3fs.S3FileSystem.clear_instance_cache()
    server.stop()


def plain(address: str) -> dict[str, Any]:
    return {
        "region_name": "us-east-1",
        "endpoint_url": address,
        "aws_access_key_id": "a",
        "aws_secret_access_key": "b",
    }
