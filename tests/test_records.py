"""What records show of themselves."""

from __future__ import annotations

from asyncflow.records import ScenarioRecord


def test_a_record_shows_dates_and_no_seconds() -> None:
    record = ScenarioRecord("SCENARIO_a_1", "a", "one", 1.5, {})

    assert repr(record) == (
        "ScenarioRecord(id='SCENARIO_a_1', config_id='a', name='one', "
        "creation_date='1970-01-01T00:00:01.500000+00:00', properties={})"
    )
