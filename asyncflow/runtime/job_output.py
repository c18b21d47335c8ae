"""What jobs print: read once they have ended, and followed while they run."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress
from functools import partial

from anyio import sleep, to_thread

from asyncflow.abc import Log, Printed, Store
from asyncflow.dispatch.log_reader import LogReader
from asyncflow.runs.job import JobState
from asyncflow.worker import raw_stderr
from asyncflow.worker.outcome import mark, separator
from asyncflow.worker.streams import Stream, parts, plain

LOOK = 0.1
"""How often a log that is followed is looked at, in seconds: nothing tells of a write."""


async def output(
    store: Store, job: JobState, max_bytes: int, stream: Stream | None = None
) -> str:
    """Return what a job has printed and logged so far.

    :param max_bytes: how many bytes of it, as long as it runs: of more, the first and
        the last half
    :param stream: only what went there; None for all
    """
    text = await _text(store, job, max_bytes)

    if stream is None:
        return plain(text)

    return "".join(part for name, part in parts(text) if name == stream)


async def _text(store: Store, job: JobState, max_bytes: int) -> str:
    """Return what a job has printed so far, with marks."""
    if job.log is not None and not job.is_finished:
        printed = await to_thread.run_sync(_read, job.log, max_bytes)
        return printed.text if printed else ""

    record = await store.log(job.id)
    return record.text if record else ""


async def tail(store: Store, job: JobState, max_bytes: int) -> AsyncIterator[str]:
    """Give the lines that a job prints, as they come.

    :param max_bytes: how many bytes are kept of what a job prints
    """
    lines = _follow(store, job, max_bytes)

    async with aclosing(lines):
        async for line in lines:
            if shown := plain(line):  # else it was a mark alone
                yield shown


async def _follow(
    store: Store, job: JobState, max_bytes: int
) -> AsyncGenerator[str, None]:
    """Do it, with marks."""
    reader: LogReader | None = None
    was_running = False

    try:
        while True:
            is_finished = job.is_finished
            was_running = was_running or not is_finished

            if reader is not None:
                async for line in _read_on(job, reader):
                    yield line

            log, attempt = job.log, job.attempt

            if log is None and was_running and job.ended_log is not None:
                attempt, log = job.ended_log  # it has ended between two looks

            if log is not None and (reader is None or reader.attempt != attempt):
                if reader is not None:
                    reader.close()

                reader = await to_thread.run_sync(LogReader.open, log, attempt)

                if reader is not None:
                    continue

            if is_finished:
                break

            await sleep(LOOK)

        for line in await _rest(store, job, reader, max_bytes):
            yield line
    finally:
        if reader is not None:
            reader.close()


async def _read_on(job: JobState, reader: LogReader) -> AsyncIterator[str]:
    """Give the lines that are there and were not read."""
    while not reader.has_lost_end:
        stop, is_end = _stop(job, reader)
        read = partial(reader.read, stop, is_end=is_end)

        for line in await to_thread.run_sync(read):
            yield line

        if reader.at >= stop:
            return


def _stop(job: JobState, reader: LogReader) -> tuple[int, bool]:
    """Return up to where to read, and whether that is the end of the attempt.

    As long as it has not ended here, its worker has no other job that prints.
    """
    if job.ended_log is not None and job.ended_log[0] == reader.attempt:
        return job.ended_log[1].end, True

    if job.log is None or job.attempt != reader.attempt:  # nobody knows
        return reader.at, False

    return reader.size, False


async def _rest(
    store: Store, job: JobState, reader: LogReader | None, max_bytes: int
) -> list[str]:
    """Return what is kept of a job that has ended, and was not followed to its end."""
    seen, end = 0, None

    if reader is not None and reader.attempt == job.attempt:
        seen = reader.seen
        ended = job.ended_log

        if ended is not None and ended[0] == job.attempt:
            end = ended[1].end - ended[1].start

            if not reader.has_lost_end:
                return []

    record = await store.log(job.id)
    text = record.text if record else ""
    last = text.rpartition(separator(job.attempt))[2] if job.attempts else text
    lines = []

    if end is not None and end > max_bytes and seen:  # its middle was not kept
        half = max_bytes // 2
        last = last.rpartition(f"\n{mark(end - 2 * half)}\n")[2]

        if seen < end - half:
            lines.append(f"{mark(end - half - seen)}\n")

        seen = max(0, seen - (end - half))

    lines += [
        line.decode("utf-8", "backslashreplace")
        for line in last.encode("utf-8", "replace")[seen:].splitlines(keepends=True)
    ]
    return lines


def _read(log: Log, max_bytes: int) -> Printed | None:
    """Read what the log of a running job has. Blocks."""
    with suppress(OSError):
        raw_stderr.fold(log.path)

    try:
        end = os.stat(log.path).st_size
        return log._replace(end=end).read(max_bytes)
    except OSError:  # its worker has gone
        return None
