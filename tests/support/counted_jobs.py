"""Jobs whose starts and ends are counted, in files that they append to."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

PATIENCE = 50.0
"""How long something may take to happen, in seconds: less than any test, as nobody can
cancel who waits in a thread."""


def note(path: str, text: str) -> None:
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, f"{text}\n".encode())
    os.close(file)


def noted(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []


def begin_and_wait(folder: str) -> str:
    """Note that it begins, by whom; wait for a file; note that it ends."""
    note(f"{folder}/begun", f"{os.getpid()}:{os.getppid()}")
    print("begun", flush=True)

    while not os.path.exists(f"{folder}/go"):
        time.sleep(0.01)

    note(f"{folder}/ended", str(os.getpid()))
    return "done"


def note_or_wait(given: tuple[str, int, bool]) -> int:
    """Note that a job runs, by its number; wait as above where that is asked for."""
    folder, number, waits = given
    note(f"{folder}/ran", str(number))

    if waits:
        begin_and_wait(folder)

    return number


def run_once(given: tuple[str, str, float]) -> tuple[str, str, float]:
    """Note that a job begins, by its name, and that it ends; pass on what is given."""
    folder, name, seconds = given
    note(f"{folder}/begun", name)
    time.sleep(seconds)
    note(f"{folder}/ended", name)
    return folder, f"{name}+", seconds


def until_begun(folder: Path, count: int) -> list[tuple[int, int]]:
    """Return who runs jobs, and their Dask workers, once so many have begun."""
    found = await_notes(folder / "begun", count)
    parts = [text.partition(":") for text in found]
    return [(int(pid), int(parent)) for pid, _, parent in parts]


def await_notes(file: Path, count: int) -> list[str]:
    """Return what is noted there, once there are so many."""
    await_that(lambda: len(noted(file)) >= count, f"{count} notes in {file}")
    return noted(file)


def await_file(file: Path) -> None:
    await_that(file.exists, str(file))


def await_that(condition: Callable[[], bool], what: str) -> None:
    """Wait until something holds. Blocks, so that who waits takes no CPU from the others.

    :param what: names it, for who waits in vain
    """
    end = time.monotonic() + PATIENCE

    while not condition():
        assert time.monotonic() < end, f"{what}: not there"
        time.sleep(0.01)
