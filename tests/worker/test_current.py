"""The job that is running here: who it is, and how far it says that it has come."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextvars import Context
from fractions import Fraction

import pytest

from asyncflow import (
    CurrentJob,
    Progress,
    current_job,
    progress,
    report,
)
from asyncflow.worker.current import (
    INTERVAL,
    MESSAGE,
    begin,
    called,
    end,
    job_of,
    running,
)


def test_outside_of_jobs_nothing_is_reported() -> None:
    assert current_job() is None
    report(1, 2, "nobody listens")
    assert list(progress("abc")) == ["a", "b", "c"]


def test_what_is_no_progress_is_refused() -> None:
    """A generator that nobody asks for an item would say nothing."""
    for arguments in ((0.5, "half"), (3,), ([1], "all")):
        with pytest.raises(TypeError, match=r"report\(done, total|how many items"):
            progress(*arguments)  # type: ignore[call-overload, arg-type, unused-ignore]  # that is the mistake


class Clock:
    """Takes reports, and gives the time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self.sent: list[Progress | None] = []
        monkeypatch.setattr(time, "monotonic", lambda: self.now)

    def running(self, work: Callable[[], object]) -> list[Progress | None]:
        with running(CurrentJob("JOB_1", "SUBMISSION_1", "work"), self.sent.append):
            work()

        return self.sent


def test_a_report_has_numbers_of_python(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    sent = clock.running(lambda: report(Fraction(1, 2), 1))  # type: ignore[arg-type]  # as that of a library
    assert sent == [Progress(0.5, 1, "")]

    with pytest.raises(TypeError, match="takes numbers, and then a text; got 'half'"):
        clock.running(lambda: report("half"))  # type: ignore[arg-type]  # that is the mistake


def test_reports_that_follow_each_other_are_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock(monkeypatch)

    def work() -> None:
        for done in range(1, 101):
            report(done, 100)
            clock.now += INTERVAL / 9.5

    sent = clock.running(work)

    assert [one and one.done for one in sent] == [
        1,
        11,
        21,
        31,
        41,
        51,
        61,
        71,
        81,
        91,
        100,
    ]


def test_the_items_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)

    def work() -> None:
        for _ in progress([10, 20, 30], message="rows"):
            clock.now += 1

        for _ in progress(iter([10, 20])):
            clock.now += 1

        for _ in progress(iter([10, 20]), total=2):
            clock.now += 1

    sent = clock.running(work)

    assert sent == [
        Progress(1, 3, "rows"),
        Progress(2, 3, "rows"),
        Progress(3, 3, "rows"),
        Progress(1, None),
        Progress(2, None),
        Progress(1, 2),
        Progress(2, 2),
    ]


def test_who_runs_is_known_until_the_end() -> None:
    sent: list[tuple[str, Progress | None]] = []

    begin(("JOB_work_1", "work", 2), lambda job_id, told: sent.append((job_id, told)))

    try:
        job = current_job()
        called()
        report(1, 1, "x" * 2000)
    finally:
        end()

    assert job == job_of("JOB_work_1", "work", 2)
    assert (job.submission_id, job.traceparent) == ("SUBMISSION_1", None)
    assert sent == [
        ("JOB_work_1", None),
        ("JOB_work_1", Progress(1, 1, "x" * MESSAGE)),
    ]
    assert current_job() is None
    called()
    assert len(sent) == 2


def test_a_job_within_another_gives_way_to_it_again() -> None:
    def running_as(name: str) -> running:
        return running(CurrentJob(name, "SUBMISSION_1", "work"), lambda _: None)

    def name() -> str | None:
        job = current_job()
        return job and job.id

    with running_as("JOB_a_1"):
        with running_as("JOB_b_1"):
            assert name() == "JOB_b_1"

        assert name() == "JOB_a_1"
        assert Context().run(name) is None

    assert name() is None
