"""Log records of jobs, on their way to the loggers of the parent."""

from __future__ import annotations

import logging
import sys

import pytest

from asyncflow.worker import records
from asyncflow.worker.current import CurrentJob, running
from asyncflow.worker.records import Records, line_of, naming_jobs, packed, unpacked


def make_record(text: str = "text", **more: object) -> logging.LogRecord:
    return logging.makeLogRecord({"name": "one", "msg": text, "levelno": 20, **more})


def test_what_cannot_be_sent_goes_later_in_its_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(records, "PAUSE", 0.0)
    sent: list[bytes] = []
    is_busy = True

    def send(job_id: str, batch: list[bytes]) -> bool:
        if not is_busy:
            sent.extend(batch)

        return not is_busy

    handler = Records(lambda _: None, send)
    handler.handle(make_record("1"))
    handler.handle(make_record("2"))
    assert len(handler.waiting) == 2
    is_busy = False
    handler.handle(make_record("3"))
    assert not handler.waiting
    is_busy = True
    handler.handle(make_record("4"))
    found = [unpacked(data).getMessage() for data in (*sent, *handler.take())]
    assert found == ["1", "2", "3", "4"]
    handler.close()


def test_what_is_too_much_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "MAX_RECORDS", 3)
    handler = Records(lambda _: None, lambda *_: False)

    for _ in range(10):
        handler.handle(make_record("x" * 1_000_000))

    found = [unpacked(data) for data in handler.take()]
    assert len(found) == 4
    assert found[-1].name == "asyncflow"
    assert found[-1].getMessage().startswith("7 log records of a job were dropped")
    assert all(len(record.getMessage()) <= records.TEXT for record in found)
    assert handler.take() == ()
    handler.close()


def test_the_line_of_a_record_leaves_it_as_it_is() -> None:
    try:
        raise ValueError("x")
    except ValueError:
        record = make_record(exc_info=sys.exc_info(), args=())

    assert "ValueError: x" in line_of(record)
    assert record.exc_text is None
    assert line_of(make_record("%d", args=("x",))) == ""


def test_a_value_that_cannot_be_loaded_is_its_repr() -> None:
    class Local:
        def __repr__(self) -> str:
            return "<local>"

    record = unpacked(packed(make_record(one=Local(), two={"a": 1})))
    assert record.__dict__["one"] == "<local>"
    assert record.__dict__["two"] == {"a": 1}


def test_a_record_has_the_ids_of_its_job() -> None:
    make = naming_jobs(logging.LogRecord)
    facts = "etl", logging.INFO, "etl.py", 7, "rows: %d", (3,), None

    with running(CurrentJob("JOB_work_1", "SUBMISSION_1", "work"), lambda _: None):
        inside = make(*facts, func="load")

    outside = make(*facts)

    assert (inside.getMessage(), inside.funcName) == ("rows: 3", "load")
    assert inside.__dict__["job_id"] == "JOB_work_1"
    assert inside.__dict__["submission_id"] == "SUBMISSION_1"
    assert outside.__dict__["job_id"] is outside.__dict__["submission_id"] is None


def test_what_another_factory_adds_stays() -> None:
    class Own(logging.LogRecord):
        tenant = "ann"

    record = naming_jobs(Own)("etl", logging.INFO, "etl.py", 7, "text", (), None)
    assert isinstance(record, Own)
    assert record.__dict__["job_id"] is None
