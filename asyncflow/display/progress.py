"""How far a run has come, on a terminal: bars where rich is installed, else lines."""

from __future__ import annotations

import time
from typing import Any, Protocol, TextIO

BARS = 8
"""How many running jobs have a bar at most; the others are counted."""


class RunProgress(Protocol):
    """Shows one run."""

    def started(self, job_id: str, task: str) -> None:
        """Show that a job runs."""

    def advanced(
        self, job_id: str, done: float | None, total: float | None, message: str
    ) -> None:
        """Show how far a job has come, as it reports it."""

    def ended(self, job_id: str, task: str, status: str, reason: str) -> None:
        """Show that a job has ended, or failed for now where its status is empty."""

    def close(self) -> None:
        """Leave the terminal as it was."""


def shown_on(stream: TextIO | Any, title: str, total: int) -> RunProgress:
    """Begin to show a run; in a pipe nothing is shown.

    :param stream: what is written to: a terminal, or not
    :param title: what the run is called
    :param total: how many jobs it has
    """
    if stream is None or not stream.isatty():
        return Silent()

    try:
        import rich.progress  # noqa: F401
    except ModuleNotFoundError:
        return Lines(stream, total)

    return Bars(stream, title, total)


class Silent:
    """Shows nothing."""

    def started(self, job_id: str, task: str) -> None:
        """Do nothing."""

    def advanced(
        self, job_id: str, done: float | None, total: float | None, message: str
    ) -> None:
        """Do nothing."""

    def ended(self, job_id: str, task: str, status: str, reason: str) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


class Lines(Silent):
    """Writes a line for each job that has ended.

    :param stream: a terminal
    :param total: how many jobs the run has
    """

    def __init__(self, stream: TextIO, total: int) -> None:
        self._stream = stream
        self._total = total
        self._ended = 0
        self._began: dict[str, float] = {}

    def started(self, job_id: str, task: str) -> None:  # noqa: ARG002
        self._began[job_id] = time.monotonic()

    def ended(self, job_id: str, task: str, status: str, reason: str) -> None:
        if not status:
            return

        self._ended += 1
        began = self._began.pop(job_id, None)
        took = "" if began is None else f" in {time.monotonic() - began:.1f} s"
        why = f": {reason}" if reason else ""
        line = f"[{self._ended}/{self._total}] {task} {status}{took}{why}\n"
        self._stream.write(line)
        self._stream.flush()


class Bars:
    """Draws a bar for the run, and one for each job that runs.

    What is printed meanwhile comes above them.

    :param stream: a terminal
    :param title: what the run is called
    :param total: how many jobs it has
    """

    def __init__(self, stream: TextIO, title: str, total: int) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            Progress,
            TaskProgressColumn,
            TextColumn,
            TimeElapsedColumn,
        )

        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[message]}", markup=False),
            TimeElapsedColumn(),
            console=Console(file=stream, force_terminal=True),
            transient=True,
        )
        self._run = self._progress.add_task(title, total=total, message="")
        self._total = total
        self._counts = {"ended": 0, "failed": 0}
        self._jobs: dict[str, Any] = {}
        self._progress.start()

    def started(self, job_id: str, task: str) -> None:
        if len(self._jobs) < BARS:
            self._jobs[job_id] = self._progress.add_task(
                f"  {task}", total=None, message=""
            )

    def advanced(
        self, job_id: str, done: float | None, total: float | None, message: str
    ) -> None:
        if (bar := self._jobs.get(job_id)) is not None:
            self._progress.update(bar, completed=done, total=total, message=message)

    def ended(self, job_id: str, task: str, status: str, reason: str) -> None:
        if (bar := self._jobs.pop(job_id, None)) is not None:
            self._progress.remove_task(bar)

        if not status:
            return

        self._counts["ended"] += 1
        is_failed = status in ("FAILED", "CANCELED", "ABANDONED")
        self._counts["failed"] += is_failed

        if status == "FAILED":
            line = f"{task} {status}: {reason}"
            self._progress.console.print(line, markup=False, highlight=False)

        failed = self._counts["failed"]
        ended = f"{self._counts['ended']}/{self._total}"
        message = f"{ended}, {failed} not completed" if failed else ended
        self._progress.update(self._run, advance=1, message=message)

    def close(self) -> None:
        self._progress.stop()


def told(progress: RunProgress, event: Any) -> None:
    """Show an event of a run; see `asyncflow.events`."""
    match type(event).__name__:
        case "JobStarted":
            progress.started(event.job_id, event.task)
        case "JobProgressed":
            progress.advanced(event.job_id, event.done, event.total, event.message)
        case "JobAttemptFailed":
            progress.ended(event.job_id, event.task, "", event.reason)
        case "JobFinished":
            progress.ended(event.job_id, event.task, str(event.status), event.reason)
        case _:
            pass
