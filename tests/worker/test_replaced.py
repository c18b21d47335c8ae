"""Names that a job may replace, remove or hide."""

from __future__ import annotations

import time

import pytest

from asyncflow.worker.replaced import Names


def test_what_was_replaced_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    sleep, names = time.sleep, Names()
    assert names.are_whole()
    assert names.functions_left() == ""

    monkeypatch.setattr(time, "sleep", print)
    assert not names.are_whole()
    assert names.functions_left() == "replaced time.sleep"
    assert time.sleep is sleep
    assert names.are_whole()
