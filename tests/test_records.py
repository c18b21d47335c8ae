"""What records show of themselves."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

from asyncflow.records import AttemptRecord, DataNodeRecord, ScenarioRecord, as_date
from asyncflow.status import Status
from tests.support.records import (
    ONE_OF_EACH,
    job_record,
    log_record,
    scenario_record,
    submission_record,
    version_record,
)


def test_a_record_shows_dates_and_no_seconds() -> None:
    record = ScenarioRecord("SCENARIO_a_1", "a", "one", 1.5, {})

    assert repr(record) == (
        "ScenarioRecord(id='SCENARIO_a_1', config_id='a', name='one', "
        "creation_date='1970-01-01T00:00:01.500000+00:00', properties={}, "
        "tags=(), revision=0, cycle_id=None, sequences={}, version=None)"
    )


def test_a_time_that_is_none_of_the_calendar_is_shown_as_it_is() -> None:
    record = ScenarioRecord("SCENARIO_a_1", "a", None, 1e300, {})
    assert "created=1e+300" in repr(record)
    assert record.as_dict()["created"] == 1e300


def test_a_record_is_plain_data_with_dates() -> None:
    attempt = AttemptRecord(1, None, 2.0, "no", "")
    job = job_record(1, status=Status.FAILED, started=None, attempts=(attempt,))
    plain = job.as_dict()
    assert json.loads(json.dumps(plain)) == plain
    assert (plain["status"], type(plain["status"])) == ("FAILED", str)
    assert (plain["run_at"], plain["finished_at"]) == (
        None,
        "1970-01-01T00:00:02.500000+00:00",
    )
    (failed,) = plain["attempts"]
    assert failed["started_at"] is None
    assert failed["ended_at"] == "1970-01-01T00:00:02+00:00"
    assert failed["kind"] == "RAISED"


def test_properties_that_json_cannot_hold_are_shown() -> None:
    properties = {
        "pair": (1, 2.5),
        "who": {"a": 1j},
        "at": datetime(2026, 1, 2, tzinfo=UTC),
        "day": date(2026, 1, 2),
        "tags": {"b", "a"},
        "none": float("nan"),
        "most": float("inf"),
    }
    plain = scenario_record(1, properties=properties).as_dict()["properties"]
    assert plain == {
        "pair": [1, 2.5],
        "who": {"a": "1j"},
        "at": "2026-01-02T00:00:00+00:00",
        "day": "2026-01-02",
        "tags": ["a", "b"],
        "none": "nan",  # as no number of JSON is
        "most": "inf",
    }


def test_each_record_has_an_id_of_its_own() -> None:
    records = [*ONE_OF_EACH, job_record(2), version_record(2)]
    assert len({record.id for record in records}) == len(records)
    assert version_record(7).id == "DATANODE_n_1@7"
    assert log_record(1).id == "JOB_t_1@log"


def test_a_time_is_a_date_in_utc() -> None:
    assert as_date(None) is None
    assert as_date(1.5) == datetime(1970, 1, 1, 0, 0, 1, 500_000, UTC)
    run = submission_record(1)
    assert (run.submitted_at, run.finished_at) == (as_date(1.5), None)


def test_every_record_that_users_list_is_plain_data() -> None:
    shown = [
        as_dict()
        for record in ONE_OF_EACH
        if (as_dict := getattr(record, "as_dict", None)) is not None
    ]
    assert len(shown) >= 4
    assert json.loads(json.dumps(shown)) == shown


def test_a_lock_of_a_data_node_has_its_end_as_a_date() -> None:
    record = DataNodeRecord("DATANODE_a_1", "a", None, "ada", 1.5)
    assert record.as_dict()["editor_expiration_date"] == (
        "1970-01-01T00:00:01.500000+00:00"
    )
