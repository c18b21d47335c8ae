"""Calls, as they travel."""

from __future__ import annotations

import pickle
from pathlib import Path

from asyncflow.drivers.in_memory import MemoryDriver
from asyncflow.executors.dask import payload
from asyncflow.worker import wire
from tests.support import flows
from tests.support.calls import call


def test_calls_arrive_as_they_were(tmp_path: Path) -> None:
    sent = call(flows.double, tmp_path, 21)._replace(attempt=3, memory_limit=5)
    (found,) = payload.unpack(payload.pack([sent]))

    parts = ("job_id", "task", "code", "attempt", "memory_limit", "is_short")
    assert [getattr(found, one) for one in parts] == [
        getattr(sent, one) for one in parts
    ]
    _, driver, value = found.inputs[0]
    assert isinstance(value, bytes)
    assert driver.read(value) == 21


def test_a_driver_is_loaded_by_the_job_alone(tmp_path: Path) -> None:
    (found,) = payload.unpack(payload.pack([call(flows.double, tmp_path)]))
    driver = found.inputs[0][1]
    assert isinstance(driver, payload.PackedDriver)
    assert driver == found.outputs[0][1]
    assert hash(driver) == hash(found.outputs[0][1])

    arrived = pickle.loads(wire.pack((driver,)))  # type: ignore[arg-type]  # no request
    assert isinstance(arrived[0], MemoryDriver)
