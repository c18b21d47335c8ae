"""The ``in_memory`` storage type."""

from __future__ import annotations

from typing import ClassVar

from asyncflow.abc import Driver


class MemoryDriver(Driver):
    """Keep small values in memory and large ones in files that are mapped into it.

    Each reader gets a value of its own. Nothing survives the orchestrator.
    """

    storage_type: ClassVar[str] = "in_memory"
    is_durable: ClassVar[bool] = False
