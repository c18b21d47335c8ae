"""Objects of a bucket, as values: on moto's server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import attrs
import pytest

from asyncflow import Configuration, Orchestrator
from asyncflow.drivers.s3_object import S3Driver, S3Options
from asyncflow.errors import DataNodeReadingError, DataNodeWritingError
from tests.support import flows
from tests.support.buckets import address as address
from tests.support.buckets import client as client
from tests.support.buckets import keys

KEYS: dict[str, Any] = {
    "aws_access_key": "an-access-key",
    "aws_secret_access_key": "hunter2",
}


@pytest.fixture
def driver(address: str, client: Any) -> S3Driver:
    return S3Driver(None, options(address))


def options(address: str) -> S3Options:
    return S3Options(
        **KEYS,
        aws_s3_bucket_name="shop",
        aws_s3_object_key="a/b.txt",
        aws_region="us-east-1",
        aws_s3_endpoint_url=address,
    )


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have what is noted of staged values lie where nothing else is."""
    monkeypatch.chdir(tmp_path)


def write(driver: S3Driver, value: object, path: str = "J-1.value") -> None:
    driver.publish(driver.write(value, path, "node"), path)


def test_parameters_go_to_the_client_and_to_the_requests(
    address: str, client: Any
) -> None:
    given = attrs.evolve(
        options(address),
        aws_s3_endpoint_url=None,
        aws_s3_client_parameters={"endpoint_url": address},
        aws_s3_put_object_parameters={
            "ContentType": "text/csv",
            "StorageClass": "STANDARD_IA",
        },
        aws_s3_get_object_parameters={"Range": "bytes=0-2"},
    )
    driver = S3Driver(None, given)
    write(driver, "a,b,c")
    assert driver.read(None) == b"a,b"
    found = client.head_object(Bucket="shop", Key="a/b.txt")
    assert (found["ContentType"], found["StorageClass"]) == ("text/csv", "STANDARD_IA")


def test_what_is_written_is_read(driver: S3Driver, client: Any) -> None:
    assert driver.fingerprint() is None
    write(driver, b"\x00one")
    first = driver.fingerprint()
    assert driver.read(None) == b"\x00one"
    write(driver, "zwei ä")
    assert driver.read(None) == "zwei ä".encode()
    assert first != driver.fingerprint()
    assert keys(client) == ["a/b.txt"]


def test_nobody_sees_what_is_not_published(driver: S3Driver, client: Any) -> None:
    write(driver, b"one")
    kept = driver.write(b"two", "J-2.value", "node")
    assert driver.read(None) == b"one"
    assert len(keys(client)) == 2
    driver.discard(kept, "J-2.value")
    assert driver.read(None) == b"one"
    assert keys(client) == ["a/b.txt"]


def test_what_is_missing_is_named(driver: S3Driver) -> None:
    with pytest.raises(
        DataNodeReadingError, match=r"s3://shop/a/b.txt.*NoSuchKey.*write"
    ):
        driver.read(None)

    driver.options = attrs.evolve(driver.options, aws_s3_bucket_name="nothing")

    with pytest.raises(DataNodeWritingError, match=r"'node' at .*create the bucket"):
        write(driver, b"")

    with pytest.raises(DataNodeWritingError, match="neither bytes nor text"):
        write(driver, 7)


def test_a_failed_publishing_names_the_data_node(driver: S3Driver, client: Any) -> None:
    write(driver, b"one")
    kept = driver.write(b"two", "J-2.value", "node")
    client.delete_object(Bucket="shop", Key="a/b.txt.J-2.value")

    with pytest.raises(DataNodeWritingError, match=r"'node' at s3://.*NoSuchKey"):
        driver.publish(kept, "J-2.value")

    assert driver.read(None) == b"one"


def test_no_server_and_no_secret(
    driver: S3Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    address = "http://127.0.0.1:1"
    driver.options = attrs.evolve(
        driver.options, aws_s3_endpoint_url=address, aws_region="us-east-1"
    )

    with pytest.raises(DataNodeReadingError, match="can be reached") as caught:
        driver.read(None)

    assert "hunter2" not in f"{caught.value}"


@pytest.mark.anyio
async def test_a_run(
    config: Configuration, path: str, address: str, client: Any
) -> None:
    given = config.configure_data_node("given", default_data="text")
    made = config.configure_data_node(
        "made", "s3_object", **attrs.asdict(options(address))
    )
    end = config.configure_data_node("end")
    config.configure_scenario(
        "objects",
        [
            config.configure_task("write", flows.identity, given, made),
            config.configure_task("read", flows.identity, made, end),
        ],
    )

    with anyio.fail_after(50):
        async with Orchestrator(config, store=path) as orchestrator:
            scenario = await orchestrator.create_scenario("objects")
            await scenario.submit()
            assert await scenario.end.read() == b"text"

    assert "hunter2" not in repr(config.data_nodes)
