"""The live echo: what jobs print is shown while they run, each line with its task.

It looks at the logs now and then, while such jobs run and at no other time. A worker could
tell of what Python prints, by a call of the system for each print; of what C code and
children write, nothing tells on every system. Two looks a second, as at silent jobs, take
less than a thousandth of a processor.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import attrs
from anyio import Lock, sleep, to_thread

from asyncflow.abc import Killed, Log, Outcome, Printed
from asyncflow.dispatch.attempt import Attempt
from asyncflow.dispatch.echo import Echo, Piece, printed
from asyncflow.dispatch.log_reader import LogReader
from asyncflow.log import logger as _logger
from asyncflow.task_group import Tasks
from asyncflow.worker.outcome import mark
from asyncflow.worker.streams import Stream, end_of, parts

SOON, LATE = 0.05, 0.5
"""The least and the most seconds between two looks at the logs of jobs that run: nothing
tells what their children print. There are more where much is printed."""


@attrs.define(eq=False, repr=False)
class Lines:
    """Turns what is read of a log into whole lines, each with a label.

    :param label: what each begins with
    """

    label: str
    _stream: Stream = attrs.field(init=False, default="stdout")
    _held: dict[Stream, str] = attrs.field(init=False, factory=dict)

    def take(self, texts: Iterable[str]) -> Iterator[Piece]:
        """Take what was read; give the lines that are whole."""
        for text in texts:
            for stream, part in parts(text, self._stream):
                if stream != "log":  # the loggers have it
                    yield from self._take(stream, part)

            self._stream = end_of(text, self._stream)

    def rest(self) -> Iterator[Piece]:
        """Give what has no end of line: there comes no more."""
        for stream, text in self._held.items():
            if text:
                yield printed(stream, f"{self.label}{text}\n")

        self._held.clear()

    def _take(self, stream: Stream, part: str) -> Iterator[Piece]:
        text = self._held.get(stream, "") + part
        end = text.rfind("\n") + 1
        self._held[stream] = text[end:]

        if end:
            body = text[: end - 1].replace("\n", f"\n{self.label}")
            yield printed(stream, f"{self.label}{body}\n")


@attrs.define(eq=False, repr=False)
class _Tail:
    """The log of a job that runs."""

    log: Log
    lines: Lines
    reader: LogReader | None = None
    end: int | None = None
    """Where the output of the job ends; None as long as it runs."""

    @property
    def stop(self) -> int:
        """Up to where the log is that of the job now: to be asked on the event loop, as
        the worker may have another job once the end of this one was told.
        """
        if self.reader is None:
            return self.log.start

        return self.reader.size if self.end is None else self.end

    def open(self) -> None:
        """Open the log. Blocks."""
        if self.reader is None:
            self.reader = LogReader.open(self.log, 1)

    def look(self, stop: int, *, is_end: bool = False) -> list[Piece]:
        """Read on, a bounded piece. Blocks.

        :param stop: up to where
        :param is_end: whether that is the end of the job's output
        """
        if self.reader is None:  # its worker has gone
            return []

        return [*self.lines.take(self.reader.read(stop, is_end=is_end))]

    def finish(self, end: int, printed: Printed) -> list[Piece]:
        """Read to the end, and close the log. Blocks.

        :param printed: what is kept of it, where the end has left the disk
        """
        try:
            return self._finish(end, printed)
        finally:
            self.close()

    def _finish(self, end: int, printed: Printed) -> list[Piece]:
        self.open()
        found = self.look(end, is_end=True)
        reader = self.reader

        if reader is None:
            return [*self.lines.take([printed.text]), *self.lines.rest()]

        while reader.at < end and not reader.has_lost_end:
            found += self.look(end, is_end=True)

        if reader.has_lost_end:
            lost = f"{mark(end - reader.at)}\n"
            _, line, last = printed.text.rpartition(f"{mark(printed.left_out)}\n")
            found += self.lines.take([line or lost, last if line else ""])

        return [*found, *self.lines.rest()]

    def close(self) -> None:
        """Close the log."""
        if self.reader is not None:
            self.reader.close()


@attrs.define(eq=False, repr=False)
class Live:
    """Looks at the logs of jobs that run, as long as there are any.

    Where whoever reads what is shown is slow, nothing more is read: what leaves the disk
    meanwhile is left out, in a line that says so.
    """

    echo: Echo
    group: Tasks
    _tails: dict[str, _Tail] = attrs.field(init=False, factory=dict)
    """By the ids of the jobs."""
    _dropped: list[_Tail] = attrs.field(init=False, factory=list)
    """Those that are still to be closed."""
    _lock: Lock = attrs.field(init=False, factory=Lock)
    """Held while logs are read: one at a time, and what is read is shown in its order."""
    _is_looking: bool = attrs.field(init=False, default=False)

    def begin(self, attempt: Attempt, log: Log) -> None:
        """Show what a job prints from here on."""
        self.drop(attempt)
        lines = Lines(f"[{attempt.task.config_id}] ")
        self._tails[attempt.job_id] = _Tail(log, lines)

        if not self._is_looking:
            self._is_looking = True
            self.group.start_soon(self._look_on, on_error=self._failed)

    def drop(self, attempt: Attempt) -> None:
        """Look no more at the log of a job, if that was done."""
        if tail := self._tails.pop(attempt.job_id, None):
            self._dropped.append(tail)

    def ended(self, attempt: Attempt, outcome: Outcome) -> None:
        """Take note, at once, that a job has ended: what follows is of others."""
        if tail := self._tails.get(attempt.job_id):
            size = outcome.log.size if outcome.log else 0
            tail.end = tail.log.start + (size or 0)

    async def finish(self, attempt: Attempt, outcome: Outcome) -> list[Piece]:
        """Return what was not shown yet of a job that has ended."""
        log = outcome.log

        if log is None:
            self.drop(attempt)
            return []

        tail = self._tails.pop(attempt.job_id, None)

        if tail is None or log.size is None:
            self._dropped += [tail] if tail else []
            lines = Lines(f"[{attempt.task.config_id}] ")
            return [*lines.take([log.text]), *lines.rest()]

        end = tail.log.start + log.size

        if isinstance(outcome, Killed) and outcome.stack:
            _, stack, rest = log.text.partition(outcome.stack)
            end -= len(f"{stack}{rest}".encode())

        try:
            async with self._lock:
                return await to_thread.run_sync(tail.finish, end, log)
        except Exception as error:  # the job ends nevertheless
            self._failed(error)
            return []

    async def _look_on(self) -> None:
        wait = SOON

        try:
            while self._tails or self._dropped:
                await sleep(wait)

                if self.echo.is_full:  # the log waits on the disk
                    continue

                async with self._lock:
                    tails, dropped = [*self._tails.values()], self._dropped
                    self._dropped = []

                    if dropped or any(tail.reader is None for tail in tails):
                        await to_thread.run_sync(_open, tails, dropped)

                    places = [(tail, tail.stop) for tail in tails]
                    found = await to_thread.run_sync(_look, places)

                    for piece in found:
                        self.echo.put(piece)

                wait = SOON if found else min(2 * wait, LATE)
        finally:
            self._is_looking = False

            for tail in (*self._tails.values(), *self._dropped):
                tail.close()

            self._tails.clear()
            self._dropped.clear()

    def _failed(self, error: Exception) -> None:
        _logger.error("what jobs print is not shown live any more", exc_info=error)


def _open(tails: list[_Tail], dropped: list[_Tail]) -> None:
    """Open some logs, and close others. Blocks."""
    for tail in tails:
        tail.open()

    for tail in dropped:
        tail.close()


def _look(places: list[tuple[_Tail, int]]) -> list[Piece]:
    """Read on in some logs. Blocks."""
    return [piece for tail, stop in places for piece in tail.look(stop)]
