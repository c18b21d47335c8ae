"""A table in memory: the order of the first saves, and what is found by an index."""

from __future__ import annotations

import pytest

from asyncflow.records import JobRecord
from asyncflow.stores._tables import Table
from tests.support.records import job_record


@pytest.fixture(params=[(), ("submission_id",)], ids=["plain", "indexed"])
def table(request: pytest.FixtureRequest) -> Table[JobRecord]:
    return Table(request.param)


def test_records_come_in_the_order_of_their_first_saves(
    table: Table[JobRecord],
) -> None:
    for number in (2, 1, 3):
        table.save(job_record(number))

    later = job_record(2, reason="later")
    table.save(later)
    assert table.found() == [later, job_record(1), job_record(3)]
    assert [*table.places.values()] == [1, 2, 3]


def test_records_are_found_by_their_fields(table: Table[JobRecord]) -> None:
    one, other = job_record(1), job_record(2, submission_id="s", reason="why")
    table.save(one)
    table.save(other)
    assert table.found(submission_id="s") == [other]
    assert table.found(submission_id="s", reason="") == []
    assert table.found(submission_id=None, reason="") == [one]
    assert table.found(submission_id="unknown") == []


def test_a_record_that_moves_to_another_keeps_its_place(
    table: Table[JobRecord],
) -> None:
    for number, owner in enumerate("aba"):
        table.save(job_record(number, submission_id=owner))

    moved = job_record(0, submission_id="b")
    table.replace(moved)
    assert table.found(submission_id="a") == [job_record(2, submission_id="a")]
    assert table.found(submission_id="b") == [moved, job_record(1, submission_id="b")]


def test_what_was_dropped_comes_last_again(table: Table[JobRecord]) -> None:
    one, other = job_record(1), job_record(2)
    table.save(one)
    table.save(other)
    table.drop(one.id)
    table.drop("unknown")
    assert table.found(submission_id=one.submission_id) == [other]
    table.save(one)
    assert table.found(submission_id=one.submission_id) == [other, one]


class FirstReasons(Table[JobRecord]):
    def merged(self, old: JobRecord, new: JobRecord) -> JobRecord:
        return new._replace(reason=old.reason)


def test_a_record_is_merged_with_what_was_kept() -> None:
    table = FirstReasons()
    table.save(job_record(1, reason="first"))
    table.save(job_record(1, reason="second", finished=9.0))
    assert table.found() == [job_record(1, reason="first", finished=9.0)]
    table.replace(job_record(1, reason="third"))
    assert table.found() == [job_record(1, reason="third")]


def test_an_index_forgets_what_has_gone() -> None:
    table = Table[JobRecord](("submission_id",))
    table.save(job_record(1))
    table.drop(job_record(1).id)
    assert table._indexes == {"submission_id": {}}
