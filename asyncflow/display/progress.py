"""How far a run has come, on a terminal: bars where rich is installed, else lines."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TextIO

from asyncflow.status import DONE, FINAL, Status

BARS = 8
"""How many running jobs have a bar at most."""


class RunningJob(NamedTuple):
    """A job that runs now, and how far it says that it has come."""

    id: str
    task: str
    done: float | None = None
    total: float | None = None
    message: str = ""


class SeenRun(Protocol):
    """A run, as it is now. It is read in any thread, as often as a screen is drawn."""

    def counts(self) -> Mapping[Status, int]:
        """Return how many of its jobs have each status, of those that some have."""

    def running(self, limit: int) -> Sequence[RunningJob]:
        """Return jobs that run, in the order of the run.

        :param limit: how many at most
        """


class RunProgress(Protocol):
    """Shows one run."""

    def started(self, job_id: str, task: str) -> None:
        """Show that a job runs."""

    def ended(self, job_id: str, task: str, status: str, reason: str) -> None:
        """Show that a job has ended, or failed for now where its status is empty."""

    def close(self) -> None:
        """Leave the terminal as it was."""


def shown_on(
    stream: TextIO | Any, title: str, total: int, seen: SeenRun
) -> RunProgress:
    """Begin to show a run; in a pipe nothing is shown.

    :param stream: what is written to: a terminal, or not
    :param title: what the run is called
    :param total: how many jobs it has
    :param seen: the run
    """
    if stream is None or not stream.isatty():
        return Silent()

    try:
        import rich.progress  # noqa: F401
    except ModuleNotFoundError:
        return Lines(stream, total)

    return Bars(stream, title, total, seen)


class Silent:
    """Shows nothing."""

    def started(self, job_id: str, task: str) -> None:
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


class Bars(Silent):
    """Draws a bar for the run, and one for each job that runs.

    What is printed meanwhile comes above them. A thread of rich's draws the run as it is
    then, some ten times a second: so the bars move on while a job of development mode
    holds the event loop.

    :param stream: a terminal
    :param title: what the run is called
    :param total: how many jobs it has
    :param seen: the run
    """

    def __init__(self, stream: TextIO, title: str, total: int, seen: SeenRun) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            Progress,
            TaskProgressColumn,
            TextColumn,
            TimeElapsedColumn,
        )

        class Drawn(Progress):
            """Looks at the run before it draws."""

            def get_renderable(drawn) -> Any:  # noqa: N805  # self is the bars
                if not self._is_looking:
                    self._is_looking = True
                    self._look(drawn)
                    self._is_looking = False

                return super().get_renderable()

        self._total = total
        self._seen = seen
        self._jobs: dict[str, Any] = {}
        self._is_looking = True  # not before there is a bar of the run
        """A new bar is drawn at once, with all others."""
        self._progress = Drawn(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[message]}", markup=False),
            TimeElapsedColumn(),
            console=Console(file=stream, force_terminal=True),
            transient=True,
        )
        self._run = self._progress.add_task(title, total=total, message="")
        self._is_looking = False
        self._progress.start()

    def _look(self, progress: Any) -> None:
        """Have each bar be as long as its job has come."""
        counts = self._seen.counts()
        ended = sum(counts.get(status, 0) for status in FINAL)
        failed = ended - sum(counts.get(status, 0) for status in DONE)
        text = f"{ended}/{self._total}"
        message = f"{text}, {failed} not completed" if failed else text
        progress.update(self._run, completed=ended, message=message)

        running = {job.id: job for job in self._seen.running(BARS)}

        for job_id in self._jobs.keys() - running.keys():
            progress.remove_task(self._jobs.pop(job_id))

        for job in running.values():
            bar = self._jobs.get(job.id)

            if bar is None:
                name = f"  {job.task}"
                bar = progress.add_task(name, total=None, message="")
                self._jobs[job.id] = bar

            done = job.done or 0
            progress.update(bar, completed=done, total=job.total, message=job.message)

    def draw(self) -> None:
        """Draw the run as it is now."""
        self._progress.refresh()

    def ended(self, job_id: str, task: str, status: str, reason: str) -> None:  # noqa: ARG002
        if status == "FAILED":
            line = f"{task} {status}: {reason}"
            self._progress.console.print(line, markup=False, highlight=False)

    def close(self) -> None:
        self._progress.stop()


def told(progress: RunProgress, event: Any) -> None:
    """Show an event of a run; see `asyncflow.events`."""
    match type(event).__name__:
        case "JobStarted":
            progress.started(event.job_id, event.task)
        case "JobAttemptFailed":
            progress.ended(event.job_id, event.task, "", event.reason)
        case "JobFinished":
            progress.ended(event.job_id, event.task, str(event.status), event.reason)
        case _:
            pass
