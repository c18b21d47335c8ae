"""A database of records: what blocks. By the SQLite one."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from asyncflow.errors import NotOpen, RecordDamaged, StoreUnavailable, TakenOver
from asyncflow.records import DataNodeRecord, JobRecord, Record, ScenarioRecord
from asyncflow.stores import _database
from asyncflow.stores._command import Command
from asyncflow.stores._database import Database
from asyncflow.stores._rows import KINDS, given
from asyncflow.stores._sqlite import SqliteDatabase
from tests.support.records import (
    job_record,
    node_record,
    orchestrator_record,
    scenario_record,
    submission_record,
)

PAGED = {"limit": 100, "offset": 0}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[SqliteDatabase]:
    database = SqliteDatabase.open(str(tmp_path / "runs.db"), 5.0)

    try:
        yield database
    finally:
        database.close()


def write(database: Database, *records: Record) -> None:
    database.write([given(records, set())])


def register(database: Database, lease: float | None = None) -> None:
    own = orchestrator_record(1)
    command = Command("register", [{"id": own.id, "lease": lease}])
    database.write([(own, command)])


def jobs(database: Database) -> list[Any]:
    return database.read("job", PAGED, KINDS[JobRecord].load)


def spoil(database: SqliteDatabase, statement: str) -> None:
    with closing(sqlite3.connect(database.file)) as connection, connection:
        connection.execute(statement)


def test_changes_are_written_in_their_order(database: SqliteDatabase) -> None:
    gone = Command("delete", [{"id": job_record(1).id}])
    database.write(
        [(job_record(1), gone, job_record(2)), (job_record(1, reason="anew"),)]
    )
    assert jobs(database) == [job_record(2), job_record(1, reason="anew")]


def test_changes_are_written_as_a_whole_or_not_at_all(database: SqliteDatabase) -> None:
    wrong = Command("lock", [{}])  # without its parameters

    with pytest.raises(Exception, match="binding"):
        database.write([(job_record(1), wrong)])

    assert jobs(database) == []


def test_a_command_may_depend_on_one_before(database: SqliteDatabase) -> None:
    write(database, scenario_record(1))

    for known, is_carried_out in (("SCENARIO_c_1", False), ("SCENARIO_c_2", True)):
        one = scenario_record(1)
        run = submission_record(1, scenario_id=known)._asdict()
        claim = Command("claim", [{**run, "properties": "{}", "pickled": None}])
        act = Command("delete", [{"id": one.id}], (claim, ("scenario",)))
        database.write([(claim, act)])
        assert (database.find(one.id) is None) is is_carried_out


def test_a_record_is_found_by_its_id_whatever_it_is(database: SqliteDatabase) -> None:
    records: list[ScenarioRecord | DataNodeRecord | JobRecord] = [
        scenario_record(1),
        node_record(1),
        job_record(1),
    ]
    write(database, *records)
    assert [database.find(one.id) for one in records] == records
    assert database.find("JOB_unknown") is None


def test_what_cannot_be_loaded_is_left_out_and_told_once(
    database: SqliteDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    write(database, job_record(1), job_record(2))
    spoil(database, "UPDATE job SET attempts = '{' WHERE id = 'JOB_t_1'")

    with caplog.at_level(logging.WARNING):
        assert [jobs(database) for _ in range(2)] == [[job_record(2)]] * 2

    (message,) = caplog.messages
    assert "leaves one out: JOB_t_1 cannot be loaded" in message

    with pytest.raises(RecordDamaged, match="JOB_t_1"):
        database.find("JOB_t_1")


def test_so_many_are_told(
    database: SqliteDatabase,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(_database, "MAX_TOLD", 3)
    write(database, *map(job_record, range(9)))
    spoil(database, "UPDATE job SET attempts = '{'")
    assert jobs(database) == []
    assert len(caplog.messages) == 3


def test_who_is_not_registered_any_more_writes_nothing(
    database: SqliteDatabase,
) -> None:
    register(database)
    write(database, job_record(1))
    spoil(database, "DELETE FROM orchestrator")

    for _ in range(2):
        with pytest.raises(TakenOver, match="took this one for dead"):
            write(database, job_record(2))

    assert jobs(database) == [job_record(1)]


def test_who_has_gone_by_itself_writes_on(database: SqliteDatabase) -> None:
    register(database)
    database.write([(Command("delete", [{"id": "ORCHESTRATOR_1"}]),)])
    write(database, job_record(1))
    assert jobs(database) == [job_record(1)]


def test_a_lease_is_due_when_a_third_of_it_has_gone(
    database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    assert not database.is_lease_due()
    register(database, lease=30.0)
    spoil(database, "UPDATE orchestrator SET lease = 1.0")
    now = 1009.0
    assert not database.is_lease_due()
    database.write([])
    assert lease(database) == 1.0
    now = 1010.0
    assert database.is_lease_due()
    database.write([])
    assert not database.is_lease_due()
    assert lease(database) > 1.0


def lease(database: Database) -> float:
    return float(database.find("ORCHESTRATOR_1").lease)


def test_a_closed_database_is_told(tmp_path: Path) -> None:
    database = SqliteDatabase.open(str(tmp_path / "runs.db"), 5.0)
    database.close()

    with pytest.raises(NotOpen, match=r"runs.db was closed before it was asked"):
        jobs(database)


def test_an_interrupted_database_is_unavailable(database: SqliteDatabase) -> None:
    database.busy_timeout = 3600.0

    with closing(sqlite3.connect(database.file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        database.interrupt()

        with pytest.raises(StoreUnavailable, match="locked"):
            write(database, job_record(1))
