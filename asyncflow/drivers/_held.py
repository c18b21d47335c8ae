"""Drivers whose values stay on the hosts where jobs make them."""

from __future__ import annotations

from typing import Any

from asyncflow.abc import Driver
from asyncflow.drivers._mirrored import Address, MirroredDriver


class HeldDriver(MirroredDriver):
    """Read values wherever they are; keep what is written here as another driver does.

    Other processes have that driver alone: what they read is there already.

    :param driver: the other one
    :param values: brings a value here while it is read
    """

    is_held: bool = True

    def __init__(self, driver: Driver, values: Address) -> None:
        super().__init__(driver, values)

    def __reduce__(self) -> tuple[Any, ...]:
        return _itself, (self.driver,)


def _itself(driver: Driver) -> Driver:
    return driver
