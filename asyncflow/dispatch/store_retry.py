"""Asking a store again: where nobody is there whom an error would help, the store is
asked again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from anyio import sleep

from asyncflow.errors import StoreUnavailable

T = TypeVar("T")

PAUSE = 0.1
"""Before the store is asked again, in seconds; it has tried for a while by itself."""


async def retry_until_available(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask a store until it answers, or has failed for good."""
    while True:
        try:
            return await ask()
        except StoreUnavailable:
            await sleep(PAUSE)
