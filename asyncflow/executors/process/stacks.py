"""Where the Python of worker processes is, asked while they go on."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from typing import Protocol

from asyncflow.worker.entry_points import without_ours
from asyncflow.worker.stacks import ASK, path_of

PATIENCE = 1.0
"""How long the workers may take to answer, in seconds."""

LAST_PATIENCE = 0.3
"""How long one may take that is killed then."""

STACK = "Stack (most recent call first):"
"""How a stack begins that `faulthandler` wrote."""

_MAIN = "Current thread "
"""How that begins of the thread that gets signals, in an answer."""

STILL = 0.05
"""After how many seconds without another line an answer is whole."""

HEAD = "(most recent call first)"
"""How the first line of a stack ends."""

SILENT = "it does not answer: its process is stopped, or its job has taken the signal"


class Asked(Protocol):
    """A worker, as far as it is asked here."""

    log_path: str

    @property
    def pid(self) -> int:
        """The number of its process."""


def last_stack(worker: Asked) -> str:
    """Return where a worker is that is killed next. Blocks.

    Who ends by SIGTERM tells it by itself: this is for who has taken that signal.
    """
    told = stacks_of([worker], LAST_PATIENCE)[worker.pid]
    main = told[told.find(_MAIN) :].partition("\n\n")[0] if _MAIN in told else told
    head, _, frames = main.partition("\n")
    return f"{STACK}\n{frames if HEAD in head else f'  {told}'}\n"


def stacks_of(workers: Iterable[Asked], patience: float = PATIENCE) -> dict[int, str]:
    """Return the stacks of the threads of workers, by their process ids. Blocks.

    One that does not answer has a text that says so.

    :param patience: how long they may take, in seconds
    """
    answers = {worker.pid: _Answer(worker) for worker in workers}
    until = time.monotonic() + patience

    for answer in answers.values():
        answer.ask()

    while time.monotonic() < until:
        are_whole = [answer.is_whole() for answer in answers.values()]

        if all(are_whole):
            break

        time.sleep(STILL)

    return {pid: answer.text or SILENT for pid, answer in answers.items()}


class _Answer:
    """What one worker answers."""

    def __init__(self, worker: Asked) -> None:
        self._pid = worker.pid
        self._path = path_of(worker.log_path)
        self._start = self._read_from(0)[1]
        self._end = self._start
        self.text: str = ""
        self._is_asked = False

    def ask(self) -> None:
        """Send the signal, if that ends nothing."""
        if _takes_signal(self._pid):
            try:
                os.kill(self._pid, ASK)
            except ProcessLookupError:
                return

            self._is_asked = True

    def is_whole(self) -> bool:
        """Tell whether nothing more will come."""
        data, end = self._read_from(self._start)
        was_here, self._end = self._end, end
        self.text = _without_ours(data.decode(errors="replace"))
        return not self._is_asked or (end == was_here and self.text != "")

    def _read_from(self, place: int) -> tuple[bytes, int]:
        try:
            with open(self._path, "rb") as file:
                file.seek(place)
                data = file.read()
        except FileNotFoundError:  # it has ended
            return b"", place

        return data, place + len(data)


def _takes_signal(pid: int) -> bool:
    """Tell whether a process has a handler for the signal, which else would end it."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
            (caught,) = [line.split()[1] for line in file if line.startswith("SigCgt:")]
    except (OSError, ValueError):  # not every system tells
        return not os.path.isdir("/proc/self")

    return bool(int(caught, 16) >> (ASK - 1) & 1)


def _without_ours(text: str) -> str:
    """Leave out what is below the job in each stack: how it is called.

    What is before the first head is the end of an answer to an earlier question.
    """
    place = text.find(HEAD)
    text = text[text.rfind("\n", 0, place) + 1 :] if place >= 0 else ""
    stacks = (stack.splitlines() for stack in text.strip().split("\n\n"))
    return "\n\n".join("\n".join(without_ours(lines)) for lines in stacks)
