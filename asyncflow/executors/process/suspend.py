"""Ctrl-Z: workers are in sessions of their own, so it reaches this process alone.

While a pool is open, they are stopped with it and go on with it, where nobody else
handles SIGTSTP and the pool was opened on the main thread. Limits of time go on.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Mapping
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncflow.executors.process.worker import Worker

_pools: dict[int, Mapping[int, Worker]] = {}
"""The workers of each pool."""


def join(workers: Mapping[int, Worker]) -> None:
    """Have workers suspended with this process.

    :param workers: those of a pool, whichever these are at the time
    """
    _pools[id(workers)] = workers

    if _is_main() and signal.getsignal(signal.SIGTSTP) is signal.SIG_DFL:
        signal.signal(signal.SIGTSTP, _suspend)


def leave(workers: Mapping[int, Worker]) -> None:
    """Undo `join`."""
    _pools.pop(id(workers), None)

    if not _pools and _is_main() and signal.getsignal(signal.SIGTSTP) is _suspend:
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)


def _is_main() -> bool:
    return threading.current_thread() is threading.main_thread()


def _suspend(number: int, _frame: FrameType | None) -> None:
    """Stop the workers, then this process; once it goes on, so do they."""
    _tell(signal.SIGSTOP)

    try:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)  # returns when it goes on
    finally:
        if _pools:
            signal.signal(number, _suspend)

        _tell(signal.SIGCONT)


def _tell(number: signal.Signals) -> None:
    for workers in list(_pools.values()):
        for worker in list(workers.values()):
            worker.signal_group(number)


os.register_at_fork(after_in_child=_pools.clear)
