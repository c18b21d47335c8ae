"""Log records of jobs in other processes are handled by the loggers of this one."""

from __future__ import annotations

import logging

import pytest
from anyio import to_thread

from asyncflow import Configuration
from asyncflow.dispatch.job_log_records import logged
from asyncflow.worker.records import packed
from tests.support.attempts import make_attempts

pytestmark = pytest.mark.anyio


def data_of(level: int, **more: object) -> bytes:
    record = logging.LogRecord("users", level, "job.py", 3, "%s rows", (5,), None)
    record.__dict__.update(more)
    return packed(record)


async def test_a_record_tells_of_which_job_it_is(
    config: Configuration, caplog: pytest.LogCaptureFixture
) -> None:
    (attempt,) = await make_attempts(config)
    data = data_of(logging.WARNING, task="of the user's")
    name, size, handle = logged(data, attempt)
    assert (name, size) == ("the log", data)
    await to_thread.run_sync(handle, data)
    (record,) = caplog.records
    assert (record.name, record.getMessage()) == ("users", "5 rows")
    facts = record.__dict__
    assert facts["job_id"] == attempt.job_id
    assert facts["submission_id"] == attempt.run.id
    assert facts["task"] == "of the user's"  # what is there already stays


async def test_a_record_below_the_level_here_is_dropped(
    config: Configuration, caplog: pytest.LogCaptureFixture
) -> None:
    (attempt,) = await make_attempts(config)

    with caplog.at_level(logging.ERROR, "users"):
        for level in (logging.INFO, logging.ERROR):
            data = data_of(level)
            await to_thread.run_sync(logged(data, attempt)[2], data)

    assert [one.levelname for one in caplog.records] == ["ERROR"]
