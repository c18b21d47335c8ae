"""What is assumed of anyio's pool of processes, and of its private names; a test holds it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from anyio import CancelScope, sleep_forever, to_process, to_thread
from anyio.abc import Process

T = TypeVar("T")


def lists() -> tuple[set[Process], deque[tuple[Process, float]]]:
    """Return anyio's lists of the event loop: of its processes, and of the idle ones.

    anyio makes them at the first call, and then kills all at the end of the task that the
    loop runs just then, which it takes for the program's. In a fixture of a test, or
    where somebody calls ``run_until_complete`` again and again, it is not. So they are
    made here, as anyio does it, to end with the loop.
    """
    processes = to_process._process_pool_workers.get(None)

    if processes is None:
        processes = set[Process]()
        to_process._process_pool_workers.set(processes)
        to_process._process_pool_idle_workers.set(deque())
        name = "asyncflow: end of the pool"
        asyncio.create_task(_end_with_loop(processes), name=name)  # noqa: RUF006  # its timer holds it

    return processes, to_process._process_pool_idle_workers.get()


async def _end_with_loop(processes: set[Process]) -> None:
    """Kill what is left when the event loop cancels all tasks, as it does at its end."""
    try:
        await sleep_forever()
    finally:
        with CancelScope(shield=True):
            for process in list(processes):
                with suppress(ProcessLookupError):
                    process.kill()

                await process.aclose()


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


async def in_thread(function: Callable[[], T]) -> T:
    """Call a function in a thread; here, where none can be started: at Python's end some
    versions refuse it, and what is closed then is to be closed all the same.

    On cancel it is called to its end.

    :param function: it may be called twice
    """
    try:
        return await to_thread.run_sync(function)
    except RuntimeError:
        return function()
