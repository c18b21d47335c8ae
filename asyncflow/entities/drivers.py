"""Drivers of data nodes: what makes them."""

from __future__ import annotations

from typing import Protocol

from asyncflow.abc import Driver
from asyncflow.config.sections import DataNodeConfig


class Drivers(Protocol):
    """Makes the drivers of data nodes."""

    def driver_in(self, directory: str, config: DataNodeConfig) -> Driver:
        """Return one whose relative paths begin in a directory."""
