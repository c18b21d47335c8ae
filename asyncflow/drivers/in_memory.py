"""The ``in_memory`` storage type."""

from __future__ import annotations

from contextlib import suppress
from typing import ClassVar

from asyncflow.abc import Driver, StoredValue
from asyncflow.worker import memory_files


class MemoryDriver(Driver):
    """Keep small values in memory and large ones in files that are mapped into it.

    Each reader gets a value of its own. Nothing survives the orchestrator.
    """

    storage_type: ClassVar[str] = "in_memory"
    is_durable: ClassVar[bool] = False

    def discard(self, kept: StoredValue, path: str) -> None:  # noqa: ARG002
        if isinstance(kept, str):
            with suppress(OSError):
                memory_files.unlink(kept)
