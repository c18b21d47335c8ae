"""Values that stay where jobs run, read by others than worker processes of the cluster."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pytest
from anyio import to_thread

from asyncflow.alternatives import DRIVERS
from asyncflow.errors import DataNodeReadingError, ValueMissing
from asyncflow.runtime.held_values import ReadableValues
from asyncflow.worker.values import held_name, keep

pytestmark = pytest.mark.anyio

NAME = held_name("O_1-7.value", "0f" * 16)
VALUE = b"x" * 200_000


class Holder:
    """Holds one value."""

    def __init__(self) -> None:
        self.known = {NAME}

    async def has(self, name: str) -> bool:
        return name in self.known

    async def bring(self, name: str, path: str) -> None:
        if name not in self.known:
            raise ValueMissing(name)

        await to_thread.run_sync(lambda: keep(VALUE, path, "value", sync=False))

    async def drop(self, names: Collection[str]) -> None:
        self.known -= {*names}

    async def names(self) -> Collection[str]:
        return self.known


async def test_a_driver_reads_what_stays_elsewhere(tmp_path: Path) -> None:
    values = ReadableValues(Holder())
    driver = values.wrapped(DRIVERS.load("in_memory")())
    assert values.wrapped(DRIVERS.load("pickle")()).is_held is False
    path = str(tmp_path / NAME)
    assert await to_thread.run_sync(driver.read, path) == VALUE
    assert not (tmp_path / NAME).exists()
    assert [*await to_thread.run_sync(values.names)] == [NAME]
    await to_thread.run_sync(values.remove, [path, "/values/O_1-8.value"])

    with pytest.raises(ValueMissing):
        await to_thread.run_sync(driver.read, path)


async def test_what_is_written_here_is_read_here(tmp_path: Path) -> None:
    driver = ReadableValues(Holder()).wrapped(DRIVERS.load("in_memory")())
    path = str(tmp_path / "O_1-8.value")
    kept = await to_thread.run_sync(driver.write, VALUE, path, "value")
    assert kept == path
    assert await to_thread.run_sync(driver.read, kept) == VALUE


async def test_the_event_loop_does_not_wait_for_itself() -> None:
    driver = ReadableValues(Holder()).wrapped(DRIVERS.load("in_memory")())

    with pytest.raises(DataNodeReadingError, match="another executor than 'inline'"):
        driver.read(NAME)
