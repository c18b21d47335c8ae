"""Drivers whose values stay on the hosts where jobs make them."""

from __future__ import annotations

import pickle
from contextlib import AbstractContextManager, nullcontext

from asyncflow.drivers._held import HeldDriver
from asyncflow.drivers.in_memory import MemoryDriver


class Here:
    is_home = True

    def put(self, file: str) -> None:
        raise AssertionError(file)

    def here(self, path: str) -> AbstractContextManager[str]:
        return nullcontext(path)

    def temporary(self) -> AbstractContextManager[str]:
        raise AssertionError

    def remove(self, names: object) -> None:
        raise AssertionError(names)


def test_other_processes_have_the_driver_itself() -> None:
    driver = HeldDriver(MemoryDriver(), Here())
    assert driver.is_held
    assert driver.on_host is driver.driver
    assert type(pickle.loads(pickle.dumps(driver))) is MemoryDriver
