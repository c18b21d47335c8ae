"""Log records name the job in which they are made."""

from __future__ import annotations

import logging

from asyncflow.worker.current import CurrentJob, running
from asyncflow.worker.naming import naming_jobs


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
