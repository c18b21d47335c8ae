"""The log of fsspec has no passwords."""

from __future__ import annotations

import logging

import pytest

from asyncflow import DataNodeReadingError
from asyncflow.alternatives import DRIVERS
from asyncflow.drivers._remote_log import mask_log
from tests.support.buckets import fsspec_is_warm as fsspec_is_warm

ADDRESS = "http://me:hunter2@127.0.0.1:1/own.json"


def test_records_are_masked(caplog: pytest.LogCaptureFixture) -> None:
    mask_log()
    caplog.set_level(logging.DEBUG)
    log = logging.getLogger("fsspec.http")
    log.debug("Fetch %s of %s", ADDRESS, 3)
    log.debug("plain %s", 1)

    try:
        raise OSError(ADDRESS)
    except OSError:
        log.debug("", exc_info=True)

    assert "hunter2" not in caplog.text
    assert "Fetch http://me:***@127.0.0.1:1/own.json of 3" in caplog.text
    assert "plain 1" in caplog.text
    assert "OSError: http://me:***@127" in caplog.text


def test_a_read_is_logged_without_its_password(
    fsspec_is_warm: None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    found = DRIVERS.load("json")
    options = found.options_at(ADDRESS)
    assert options is not None
    driver = found.at(ADDRESS, options())

    with pytest.raises(DataNodeReadingError):
        driver.read(None)

    assert driver.fingerprint() is None
    assert "hunter2" not in caplog.text
