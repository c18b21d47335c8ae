"""What reaches an address is known before anything is asked."""

from __future__ import annotations

import sys

import pytest

from asyncflow.drivers._remote_packages import needs, same_address
from asyncflow.secret import Secret


def test_what_a_protocol_needs_is_known_without_fsspec(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert needs("https://shop/own.csv") == {"fsspec": "remote", "aiohttp": None}
    monkeypatch.setitem(sys.modules, "fsspec", None)
    monkeypatch.setitem(sys.modules, "fsspec.registry", None)
    assert needs("s3://shop/own.csv") == {"fsspec": "remote", "s3fs": "s3"}
    assert needs("simplecache::gs://a/b") == {"fsspec": "remote", "gcsfs": None}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("s3a://shop/a.csv", "s3://shop/a.csv"),
        ("gcs://shop/a.csv", "gs://shop/a.csv"),
        ("az://shop/a.csv", "abfs://shop/a.csv"),
        ("file:///shop/../a.csv", "file:///a.csv"),
        ("https://shop/a.csv", "https://shop/a.csv"),
    ],
)
def test_an_address_that_is_spelled_otherwise(one: str, other: str) -> None:
    assert same_address(one) == same_address(other)
    assert same_address(f"{one}.old") != same_address(other)


def test_a_secret_in_an_address_stays_one() -> None:
    assert isinstance(same_address(Secret("s3a://me:hunter2@shop/a")), Secret)
