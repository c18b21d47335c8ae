"""S3 for tests: moto's server, with a bucket ``shop``."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import cache
from typing import Any

import fsspec
import pytest
import s3fs
from botocore.session import Session
from moto import backends
from moto.server import ThreadedMotoServer


@contextmanager
def serving() -> Iterator[str]:
    """Serve no bucket at all: the servers of a process share what they have."""
    server = ThreadedMotoServer("127.0.0.1", 0)

    with pytest.MonkeyPatch.context() as patch:
        # It looks for them in its folder at each request.
        modules = [*backends.list_of_moto_modules()]
        patch.setattr(backends, "list_of_moto_modules", lambda: modules)
        server.start()

        try:
            host, port = server.get_host_and_port()
            address = f"http://{host}:{port}"
            empty(address)
            yield address
        finally:
            server.stop()


def empty(address: str) -> None:
    reset = urllib.request.Request(f"{address}/moto-api/reset", method="POST")
    urllib.request.urlopen(reset, timeout=30).close()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serving() as address:
        yield address


@pytest.fixture
def client(address: str) -> Iterator[Any]:
    """Give a client of a server that has the bucket ``shop``, with nothing in it."""
    empty(address)
    with connected(address) as client:
        client.create_bucket(Bucket="shop")
        yield client


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
    with serving() as address:
        with connected(address) as client:
            client.create_bucket(Bucket="shop")

        yield address

        for files in s3fs.S3FileSystem._cache.values():
            if files._s3 is not None:  # it has asked for something
                s3fs.S3FileSystem.close_session(files.loop, files._s3)

        s3fs.S3FileSystem.clear_instance_cache()


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """Give a client of a server."""
    client = _session().create_client(
        "s3",
        region_name="us-east-1",
        endpoint_url=address,
        aws_access_key_id="a",
        aws_secret_access_key="b",
    )

    with closing(client):
        yield client


@cache
def _session() -> Session:
    return Session()  # reads what services there are, which takes 60 ms


def put(address: str, key: str, data: bytes) -> None:
    """Put an object into the bucket ``shop`` of a server."""
    with connected(address) as client:
        client.put_object(Bucket="shop", Key=key, Body=data)
