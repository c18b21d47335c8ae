"""How far jobs have come: a watcher is told the last report of each attempt, once."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from asyncflow.abc import Progress
from asyncflow.config import Configuration
from asyncflow.runs.progress import ProgressReports, Report
from tests.support.runs import make


@pytest.fixture
def reports() -> ProgressReports:
    return ProgressReports(is_whole=False)


def test_the_last_report_stands_where_the_first_was(
    config: Configuration, reports: ProgressReports
) -> None:
    job = make(config).job(0)
    first, last = (Report(job, 1, Progress(done, 9), 2.0) for done in (1, 2))
    reports.take(first, 3)
    reports.take(last, 8)
    assert list(reports.until(2)) == []
    assert reports.has_news
    assert list(reports.until(3)) == [last]
    assert not reports.has_news


def test_each_attempt_and_each_job_has_its_own(
    config: Configuration, reports: ProgressReports
) -> None:
    run = make(config)
    told = [
        Report(run.job(0), 1, Progress(1, 9), 2.0),
        Report(run.job(0), 2, Progress(2, 9), 3.0),
        Report(run.job(1), 1, Progress(3, 9), 4.0),
    ]

    for place, report in enumerate(told):
        reports.take(report, place)

    assert list(reports.until(1)) == told[:2]
    assert list(reports.until(9)) == told[2:]


def test_a_report_is_an_event(config: Configuration) -> None:
    job = make(config).job(1)
    event = Report(job, 2, Progress(1.5, None, "rows"), 10.0).event()
    assert (event.job_id, event.task, event.attempt) == (job.id, job.name, 2)
    assert (event.done, event.total, event.message) == (1.5, None, "rows")
    assert event.at == datetime(1970, 1, 1, 0, 0, 10, tzinfo=UTC)
