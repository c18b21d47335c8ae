"""S3 for tests: moto's server, with a bucket ``shop``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
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
