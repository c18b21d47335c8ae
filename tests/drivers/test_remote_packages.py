"""What reaches an address is known before anything is asked."""

from __future__ import annotations

import sys

import pytest

from asyncflow.drivers._remote_packages import needs


def test_what_a_protocol_needs_is_known_without_fsspec(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert needs("https://shop/own.csv") == {"fsspec": "remote", "aiohttp": None}
    monkeypatch.setitem(sys.modules, "fsspec", None)
    monkeypatch.setitem(sys.modules, "fsspec.registry", None)
    assert needs("s3://shop/own.csv") == {"fsspec": "remote", "s3fs": "s3"}
    assert needs("simplecache::gs://a/b") == {"fsspec": "remote", "gcsfs": None}
