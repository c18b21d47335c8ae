"""When each job of a run waited and ran."""

from __future__ import annotations

from asyncflow.display.timeline import (
    LIMIT,
    MOST_KINDS,
    JobTimes,
    Row,
    Timeline,
    timeline,
)
from asyncflow.status import Status
from tests.support.runs_drawn import BEGIN, random_jobs


def doings(row: Row) -> list[tuple[str, float, float]]:
    return [(span.doing, span.begin, span.end) for span in row.spans]


def shown(
    *jobs: JobTimes, needs: list[list[int]] | None = None, now: float = 10
) -> Timeline:
    needs = needs or [[] for _ in jobs]
    return timeline(jobs, needs, submitted=0, now=now)


def test_a_job_waits_from_the_end_of_what_it_needs() -> None:
    first = JobTimes(name="a", status=Status.COMPLETED, started=1, finished=3, worked=2)
    then = JobTimes(name="b", status=Status.COMPLETED, started=4, finished=9, worked=4)
    found = shown(first, then, needs=[[], [0]])
    assert doings(found.rows[0]) == [("waiting", 0, 1), ("running", 1, 3)]
    assert doings(found.rows[1]) == [
        ("waiting", 3, 4),
        ("running", 4, 8),
        ("saving", 8, 9),
    ]
    assert found.rows[1].note == "5.0 s"
    assert (found.begin, found.end) == (0, 9)
    assert found.busy == [(1, 3), (4, 8), (8, 9)]


def test_attempts_that_failed_are_shown() -> None:
    job = JobTimes(
        name="a",
        status=Status.COMPLETED,
        started=5,
        finished=6,
        tries=[(0, 1), (None, 2), (3, 4)],
    )
    (row,) = shown(job).rows
    assert doings(row) == [
        ("failed", 0, 1),
        ("waiting", 2, 3),
        ("failed", 3, 4),
        ("waiting", 4, 5),
        ("running", 5, 6),
    ]
    assert row.note == "1.0 s, 4 tries"


def test_what_goes_on_is_shown_until_now() -> None:
    runs = JobTimes(name="a", status=Status.RUNNING, started=1)
    again = JobTimes(name="b", status=Status.PENDING, started=1, tries=[(1, 2)])
    waits = JobTimes(name="c", status=Status.BLOCKED)
    found = shown(runs, again, waits, needs=[[], [], [0]])
    assert [(row.spans[-1] if row.spans else None) for row in found.rows] == [
        ("running", 1, 10, True),
        ("waiting", 2, 10, True),
        None,  # it lacks what another is to make
    ]
    assert found.end == 10


def test_a_job_that_did_nothing_has_a_mark() -> None:
    failed = JobTimes(name="a", status=Status.FAILED, started=0, finished=1, reason="x")
    lacks = JobTimes(name="b", status=Status.ABANDONED, finished=1.1)
    skipped = JobTimes(name="c", status=Status.SKIPPED, finished=0)
    found = shown(failed, lacks, skipped, needs=[[], [0], []])
    assert [row.mark for row in found.rows] == [None, 1.1, 0]
    assert found.rows[0].told == "a, FAILED, running 1.0 s: x"
    assert found.rows[1].note == ""


def test_a_clock_that_goes_back_draws_nothing_backwards() -> None:
    job = JobTimes(
        name="a",
        status=Status.COMPLETED,
        started=5,
        finished=4,
        worked=9,
        tries=[(7, 6)],
    )
    (row,) = shown(job).rows
    assert all(span.begin <= span.end for span in row.spans)


def test_jobs_of_a_large_run_that_are_alike_have_one_row() -> None:
    jobs, needs, end = random_jobs(500, 1)
    found = timeline(jobs, needs, submitted=BEGIN, now=end)
    assert [row.label for row in found.rows] == [f"kind {at} ×125" for at in range(4)]
    assert sum(sum(row.statuses.values()) for row in found.rows) == 500

    for row in found.rows:
        assert (row.loads[-1].waiting, row.loads[-1].running) == (0, 0)
        assert 1 <= max(load.running for load in row.loads) <= 3


def test_rare_kinds_of_a_large_run_have_one_row() -> None:
    jobs = [
        JobTimes(name=f"t{at}", status=Status.COMPLETED, started=at, finished=at + 1)
        for at in range(LIMIT + 1)
    ]
    found = shown(*jobs)
    assert len(found.rows) == MOST_KINDS
    assert found.rows[-1].label == f"other tasks ×{LIMIT + 2 - MOST_KINDS}"


def test_no_jobs_are_no_rows() -> None:
    assert shown() == Timeline(begin=0, end=0, rows=[], busy=[])
