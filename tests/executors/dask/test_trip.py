"""A trip: what is told of its calls where its host goes."""

from __future__ import annotations

import pickle
from pathlib import Path

from asyncflow.abc import Crashed, Killed, Outcome, Returned
from asyncflow.executors.dask.relay import Message
from asyncflow.executors.dask.trip import Trip
from tests.support.calls import Notes, call
from tests.support.flows import double


def trip_of_three(folder: Path) -> tuple[Trip, Notes]:
    calls = [call(double, folder, job_id=f"JOB_{number}") for number in range(3)]
    heard = Notes()
    return Trip(1, calls, heard, str(folder)), heard


def tell(trip: Trip, outcome: Outcome) -> None:
    """Tell the end of its first call."""
    trip.take(pickle.dumps([Message("ended", [0], [outcome])]))


def test_the_first_that_is_left_may_have_run(tmp_path: Path) -> None:
    trip, heard = trip_of_three(tmp_path)
    tell(trip, Returned(()))
    trip.lose("it has gone")
    assert isinstance(heard.outcomes["JOB_1"], Crashed)
    assert heard.of("returned") == ["JOB_2"]


def test_none_has_run_after_one_whose_process_has_died(tmp_path: Path) -> None:
    trip, heard = trip_of_three(tmp_path)
    tell(trip, Killed(None))
    trip.lose("it has gone", is_charged=False)
    assert [*heard.outcomes] == ["JOB_0"]
    assert heard.of("returned") == ["JOB_1", "JOB_2"]
