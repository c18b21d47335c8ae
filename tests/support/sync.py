"""A blocking orchestrator for tests, and what is done while a verb of it waits."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest

import asyncflow.sync as tp
from asyncflow import (
    Configuration,
    JobStarted,
)


@pytest.fixture
def orchestrator(config: Configuration) -> Iterator[tp.Orchestrator]:
    orchestrator = tp.Orchestrator(config)
    orchestrator.run()

    try:
        yield orchestrator
    finally:
        orchestrator.stop(wait=False)


def until_started(submission: tp.Submission) -> None:
    """Wait until a job of a run was given to a worker."""
    for event in submission.events():
        if isinstance(event, JobStarted):
            return


def main_waits_in(function: str) -> bool:
    """Tell whether the main thread waits for the end of a verb."""
    frame = sys._current_frames().get(threading.main_thread().ident or 0)
    names = []

    while frame is not None:
        names.append(frame.f_code.co_name)
        frame = frame.f_back

    # Down in a lock of the future.
    return names[:2] == ["wait", "result"] and function in names


def once_in(function: str, act: Callable[[], object]) -> threading.Thread:
    """Have something done once the main thread waits in a function."""

    def watch() -> None:
        while not main_waits_in(function):
            time.sleep(0.002)

        act()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    return thread


def interrupt_in(function: str) -> threading.Thread:
    """Have Ctrl-C pressed once the main thread waits in a function."""
    pause = threading.Event()

    def press() -> None:
        # As a user does: a signal that comes right before the wait does not end it. One
        # that was taken may need long to be seen where much else runs, and a second kills.
        while main_waits_in(function):
            os.kill(os.getpid(), signal.SIGINT)
            pause.wait(8.0)

    return once_in(function, press)
