"""Values at an address: what is asked of each that fsspec reaches."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from asyncflow.drivers._mirrored import MirroredDriver
from asyncflow.drivers._values_at import ValuesAt
from asyncflow.drivers.pickle import PickleDriver
from asyncflow.errors import (
    DataNodeReadingError,
    DataNodeWritingError,
    StoreFailed,
    ValueMissing,
)
from tests.support.buckets import bucket as bucket
from tests.support.buckets import fsspec_is_warm as fsspec_is_warm

pytestmark = pytest.mark.usefixtures("fsspec_is_warm")

LARGE = bytes(100_000)
NAME = "ORCHESTRATOR_a-1.value"


@pytest.fixture(params=["local", "memory", "s3"])
def values(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ValuesAt]:
    mark = tmp_path / "here" / "mark"
    mark.parent.mkdir()
    mark.touch()
    options: dict[str, Any] = {}

    if request.param == "s3":
        server = request.getfixturevalue("bucket")
        address = "s3://shop/some/values"
        client = {"endpoint_url": server, "region_name": "us-east-1"}
        options = {"key": "a", "secret": "very secret", "client_kwargs": client}
    elif request.param == "memory":
        address = f"memory://{tmp_path.name}/values/"
    else:
        address = f"local://{tmp_path}/there"

    found = ValuesAt(address, options, str(mark))
    yield found

    if request.param == "memory":  # other tests of this process see it
        found.remove(found.names())


@pytest.fixture
def driver(values: ValuesAt) -> MirroredDriver:
    found = values.wrapped(PickleDriver())
    assert isinstance(found, MirroredDriver)
    return found


def path_in(values: ValuesAt) -> str:
    return os.path.join(os.path.dirname(values.mark), NAME)


def test_a_probe_leaves_nothing(values: ValuesAt) -> None:
    values.probe()
    assert values.names() == []


def test_what_is_written_is_there_under_its_name(
    values: ValuesAt, driver: MirroredDriver
) -> None:
    values.probe()
    path = path_in(values)
    kept = driver.publish(driver.write(LARGE, path, "x"), path)
    assert kept == path
    assert values.names() == [NAME]
    assert driver.read(kept) == LARGE
    assert values.has(NAME)
    assert not values.has("ORCHESTRATOR_a-2.value")

    os.unlink(path)  # on another host
    assert driver.read(kept) == LARGE
    assert not os.path.exists(path)

    driver.discard(kept, path)
    assert values.names("ORCHESTRATOR_a-") == []

    with pytest.raises(ValueMissing):
        driver.read(kept)


def test_a_host_that_is_not_home_keeps_no_copy(
    values: ValuesAt, driver: MirroredDriver
) -> None:
    os.unlink(values.mark)
    values.probe()
    path = path_in(values)
    assert driver.write(LARGE, path, "x") == path
    assert not os.path.exists(path)
    assert values.names() == [NAME]
    assert driver.read(path) == LARGE
    assert not driver.is_home


def test_small_values_stay_where_they_are(
    values: ValuesAt, driver: MirroredDriver
) -> None:
    values.probe()
    kept = driver.write(5, path_in(values), "x")
    assert isinstance(kept, bytes)
    assert driver.read(kept) == 5
    assert values.names() == []


def test_a_half_written_file_is_no_value(
    values: ValuesAt, driver: MirroredDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    values.probe()
    files, _ = values._files()
    before = files.put_file

    def half(file: str, to: str) -> None:
        os.truncate(file, 1000)

        if to.endswith(".tmp"):  # a store of objects shows no part of one
            before(file, to)

        raise ConnectionError("cut")

    monkeypatch.setattr(files, "put_file", half)

    with pytest.raises(DataNodeWritingError, match="cut"):
        driver.write(LARGE, path_in(values), "x")

    assert values.names() == []
    assert not os.path.exists(path_in(values))


def test_it_travels(values: ValuesAt) -> None:
    found = pickle.loads(pickle.dumps(values.wrapped(PickleDriver())))
    assert found.address.address == values.address
    assert found.address.options == values.options
    assert found.address.mark == values.mark


def test_one_driver_is_wrapped_once(values: ValuesAt) -> None:
    driver = PickleDriver()
    wrapped = values.wrapped(driver)
    assert values.wrapped(driver) is wrapped
    assert values.wrapped(wrapped) is wrapped
    own = PickleDriver("/here/own.pickle")
    assert values.wrapped(own) is own


def test_what_cannot_be_written_is_told_without_secrets(
    bucket: str, tmp_path: Path
) -> None:
    client = {"endpoint_url": bucket, "region_name": "us-east-1"}
    options = {"key": "a", "secret": "very secret", "client_kwargs": client}
    values = ValuesAt("s3://nowhere/values", options, str(tmp_path / "mark"))
    assert "secret" not in repr(values)

    with pytest.raises(StoreFailed, match="s3://nowhere/values") as caught:
        values.probe()

    assert "make the bucket" in caught.value.remedy
    assert "very secret" not in str(caught.value)


def test_a_server_that_is_away_is_told_of(tmp_path: Path) -> None:
    address = "s3://shop/values"
    client = {"endpoint_url": "http://127.0.0.1:9", "region_name": "us-east-1"}
    config = {"retries": {"max_attempts": 1}, "connect_timeout": 2}
    options = {
        "key": "a",
        "secret": "very secret",
        "client_kwargs": client,
        "config_kwargs": config,
        "skip_instance_cache": True,
    }
    values = ValuesAt(address, options, str(tmp_path / "mark"))

    with pytest.raises(StoreFailed, match="it cannot be used"):
        values.probe()

    with pytest.raises(DataNodeReadingError, match="s3://shop/values"):
        values.wrapped(PickleDriver()).read(str(tmp_path / NAME))


def test_the_root_of_an_address_has_no_password(tmp_path: Path) -> None:
    values = ValuesAt("ftp://me:hidden@host/values", {}, str(tmp_path))
    assert "hidden" not in values.shown
    assert "hidden" not in repr(values)


def test_what_is_there_of_others_stays(tmp_path: Path) -> None:
    values = ValuesAt(f"local://{tmp_path}", {}, str(tmp_path / "mark"))
    fsspec.filesystem("local").pipe_file(f"{tmp_path}/theirs.txt", b"1")
    values.remove([NAME])
    assert values.names() == ["theirs.txt"]
