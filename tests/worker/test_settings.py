"""Settings of the standard library that a job changes."""

from __future__ import annotations

import csv
import multiprocessing
import socket
import ssl
import sys
import tempfile

import pytest

from asyncflow.worker.settings import Settings


def test_settings_are_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings()
    assert not settings.put_right()

    size, make = csv.field_size_limit(), ssl._create_default_https_context
    monkeypatch.setattr(sys, "tracebacklimit", 0, raising=False)
    monkeypatch.setattr(ssl, "_create_default_https_context", print)
    csv.field_size_limit(1)
    socket.setdefaulttimeout(1.0)
    assert settings.put_right()
    assert sys.tracebacklimit is None
    assert ssl._create_default_https_context is make
    assert csv.field_size_limit() == size
    assert socket.getdefaulttimeout() is None
    assert not settings.put_right()


def test_what_a_mere_use_sets_is_put_back_without_a_word(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", None)
    settings = Settings()
    tempfile.gettempdir()
    multiprocessing.get_context()
    assert not settings.put_right()
    assert tempfile.tempdir is None


def test_a_module_that_a_job_loads_has_its_first_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        patch.delitem(sys.modules, "_socket")
        settings = Settings()

    socket.setdefaulttimeout(1.0)
    assert settings.put_right()
    assert socket.getdefaulttimeout() is None
