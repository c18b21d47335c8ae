"""What is assumed of anyio's pool of processes, and of its private names; a test holds it."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from anyio import CancelScope, CapacityLimiter, to_process

if TYPE_CHECKING:
    from anyio.abc import Process


async def lists() -> tuple[set[Process], deque[tuple[Process, float]]]:
    """Return anyio's lists: of its processes, and of the idle ones."""
    with suppress(_Full):  # it makes them before it looks whether there is room
        await to_process.run_sync(int, limiter=_NoRoom())

    return (
        to_process._process_pool_workers.get(),
        to_process._process_pool_idle_workers.get(),
    )


class _Full(Exception):
    """There is no room for a call."""


class _NoRoom(CapacityLimiter):
    def __new__(cls) -> Self:
        return object.__new__(cls)

    async def __aenter__(self) -> None:
        raise _Full


def take_idle(process: Process) -> bool:
    """Take a process out of anyio's pool; tell whether it was idle there."""
    idle = to_process._process_pool_idle_workers.get(None)

    if idle is None:
        return False

    for entry in idle:
        if entry[0] is process:
            idle.remove(entry)
            to_process._process_pool_workers.get().discard(process)
            return True

    return False


def is_of_worker(error: BaseException) -> bool:
    """Tell whether anyio raises what a worker has sent, or what that raised when it was
    loaded, rather than what has happened here.
    """
    traceback = error.__traceback__

    while traceback is not None:
        frame = traceback.tb_frame

        if frame.f_code.co_name == "send_raw_command":
            is_loaded = "retval" in frame.f_locals
            is_sent = is_loaded and frame.f_locals["retval"] is error
            is_loading = not is_loaded and "pickled_response" in frame.f_locals
            return is_sent or (is_loading and not isinstance(error, KeyboardInterrupt))

        traceback = traceback.tb_next

    return False


async def end(process: Process) -> None:
    """Kill a process, and wait for its end."""
    with CancelScope(shield=True), suppress(ProcessLookupError):
        process.kill()
        await process.aclose()
