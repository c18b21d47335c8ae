"""Calls, as they travel."""

from __future__ import annotations

import pickle
from collections.abc import Collection
from pathlib import Path

import pytest

from asyncflow.drivers.in_memory import MemoryDriver
from asyncflow.executors.dask import code_signs, payload
from asyncflow.executors.dask.code_signs import CodeSign
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


def test_the_modules_of_a_function_are_looked_for_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bytes] = []

    def signs_of(codes: Collection[bytes]) -> dict[bytes, tuple[CodeSign, ...]]:
        asked.extend(codes)
        return code_signs.signs_of(codes)

    monkeypatch.setattr(payload, "signs_of", signs_of)
    calls = [call(flows.double, tmp_path) for _ in range(3)]
    assert len(payload.unpack(payload.pack(calls))) == 3
    assert asked == [calls[0].code]


def test_a_driver_is_loaded_by_the_job_alone(tmp_path: Path) -> None:
    (found,) = payload.unpack(payload.pack([call(flows.double, tmp_path)]))
    driver = found.inputs[0][1]
    assert isinstance(driver, payload.PackedDriver)
    assert driver == found.outputs[0][1]
    assert hash(driver) == hash(found.outputs[0][1])

    arrived = pickle.loads(wire.pack((driver,)))  # type: ignore[arg-type]  # no request
    assert isinstance(arrived[0], MemoryDriver)
