"""Records as rows of a database, and back: what comes back is equal."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from asyncflow.records import Record
from asyncflow.status import AttemptKind, Status
from asyncflow.stores import _rows
from asyncflow.stores._rows import (
    KINDS,
    TableRow,
    columns_by_table,
    columns_of,
    given,
    load_name,
    load_pin,
    load_time,
)
from tests.support.records import (
    ONE_OF_EACH,
    UNUSUAL,
    basis_record,
    job_record,
    log_record,
    scenario_record,
    submission_record,
    version_record,
)


def saved(*records: Record) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of each table."""
    parts = given(records, set())
    rows: dict[str, list[tuple[Any, ...]]] = {}

    for kind in dict.fromkeys(map(type, parts)):
        group = [part for part in parts if type(part) is kind]

        for table, columns in columns_by_table(kind, group):
            rows.setdefault(table, []).extend(columns_of(columns))

    return rows


def loaded(record: Record) -> Record:
    """Return what comes back of a record whose row the database hands on as it is."""
    rows = saved(record)
    known = KINDS[type(record)]
    (row,) = rows[known.table]

    if known.table == "submission":
        ((*made, _),) = rows["graph"]
        row = (*row, *made)

    return cast("Record", known.load(row))


@pytest.mark.parametrize("records", [ONE_OF_EACH, UNUSUAL], ids=["usual", "unusual"])
def test_records_come_back(records: list[Record]) -> None:
    for record in records:
        again = loaded(record)
        dict(getattr(again, "properties", {}))  # they are loaded now
        assert again == record
        assert repr(again) == repr(record)


def test_what_cannot_change_is_handed_on_as_it_is() -> None:
    records: list[Record] = [job_record(1), version_record(1), log_record(1)]
    assert given(records, set()) is records


def test_a_graph_is_given_once_until_its_run_ends() -> None:
    graphs: set[str] = set()
    run = submission_record(1)
    tables = [
        [part.table for part in given([one], graphs) if isinstance(part, TableRow)]
        for one in (run, run, run._replace(finished=2.5), run)
    ]
    graph = ["submission", "graph"]
    assert tables == [graph, ["submission"], ["submission"], graph]
    assert graphs == {run.id}


def test_a_run_that_ended_is_given_with_its_graph() -> None:
    run = submission_record(1, finished=2.5)
    graphs: set[str] = set()

    for _ in range(2):
        assert len(given([run], graphs)) == 2

    assert graphs == set()


def test_what_is_no_record_is_refused() -> None:
    with pytest.raises(TypeError, match="a store keeps the records of asyncflow"):
        given(cast("Any", [scenario_record(1), ("SCENARIO", 1)]), set())


def test_a_long_group_is_made_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_rows, "AT_ONCE", 4)
    records = [log_record(number) for number in range(10)]
    parts = [columns for _, columns in columns_by_table(type(records[0]), records)]
    assert [len(columns[0]) for columns in parts] == [4, 4, 2]
    assert [row for columns in parts for row in columns_of(columns)] == records


def test_rows_go_to_their_tables_in_order() -> None:
    group = [TableRow("a", (1, 2)), TableRow("b", (3,)), TableRow("a", (4, 5))]
    found = dict(columns_by_table(TableRow, group))
    assert found == {"a": [(1, 4), (2, 5)], "b": [(3,)]}


def test_names_of_files_are_told_from_values() -> None:
    kept = [b"value", "a.file", None]
    rows = saved(*(version_record(n, kept=one) for n, one in enumerate(kept)))
    assert [row[-2:] for row in rows["version"]] == [
        (None, b"value"),
        ("a.file", None),
        (None, None),
    ]


@pytest.mark.parametrize(
    ("record", "place", "garbage"),
    [
        (job_record(1), 3, b"\xff"),
        (job_record(1), 5, "yesterday"),
        (job_record(1), 8, "no JSON"),
        (job_record(1), 3, "SLEEPING"),
        (log_record(1), 1, None),
        (version_record(1), 1, "1"),
        (basis_record(1), 3, "{"),
    ],
)
def test_garbage_in_a_column_is_refused(
    record: Record, place: int, garbage: object
) -> None:
    known = KINDS[type(record)]
    ((*row,),) = saved(record)[known.table]
    row[place] = garbage

    with pytest.raises((TypeError, ValueError)):
        known.load(tuple(row))


def test_attempts_without_a_kind_are_read_by_their_reasons() -> None:
    reasons = {
        "ValueError: its worker process": AttemptKind.RAISED,
        "its worker process was killed by SIGKILL (9)": AttemptKind.CRASHED,
        "no worker process could be started": AttemptKind.CRASHED,
        "its executor told no outcome": AttemptKind.CRASHED,
        "TIMED_OUT: it ran longer": AttemptKind.TIMED_OUT,
        "STALLED: it reported nothing": AttemptKind.STALLED,
    }
    attempts = [[n, None, 1.5, reason, ""] for n, reason in enumerate(reasons)]
    (row,) = saved(job_record(1))["job"]
    place = job_record(1)._fields.index("attempts")
    text = json.dumps(attempts)
    job = KINDS[type(job_record(1))].load((*row[:place], text, *row[place + 1 :]))
    assert [one.kind for one in job.attempts] == [*reasons.values()]
    assert [one.crashes for one in job.attempts] == [0, 1, 2, 3, 3, 3]


def test_the_status_of_a_job_is_one_again() -> None:
    again = loaded(job_record(1, status="FAILED"))
    assert getattr(again, "status", None) is Status.FAILED


def test_rows_of_one_fact() -> None:
    assert load_name(("a", 1)) == "a"
    assert load_pin(("DATANODE_n_1", 2**60)) == ("DATANODE_n_1", 2**60)
    assert load_time((1.5,)) == 1.5

    with pytest.raises(AssertionError):
        load_time(("1.5",))
