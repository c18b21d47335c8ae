"""The trace that a job is part of."""

from __future__ import annotations

import sys

import pytest
from opentelemetry import context as context_api

from asyncflow.worker.current import continue_trace

TRACEPARENT = f"00-{'1' * 32}-{'1' * 16}-01"


def test_without_opentelemetry_a_job_runs_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert continue_trace("nonsense") is not None
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    assert continue_trace(TRACEPARENT) is None


def test_where_opentelemetry_does_not_work_the_job_runs_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delattr(context_api, "attach")
    assert continue_trace(TRACEPARENT) is None
    assert "is not continued" in caplog.text
