"""What jobs print: read once they have ended, and followed while they run."""

from __future__ import annotations

from collections.abc import AsyncIterator

from anyio import sleep, to_thread

from asyncflow.abc import Log, Store
from asyncflow.entities.job import Job, separator

LOOK = 0.1
"""How often a log that is followed is looked at, in seconds: nothing tells of a write."""


async def output(store: Store, job: Job, most: int) -> str:
    """Return what a job has printed so far.

    :param most: how many bytes of it, as long as it runs
    """
    if job.log is not None and not job.is_finished:
        printed = await to_thread.run_sync(_read_on, job.log, 0)
        return printed[-most:].decode("utf-8", "replace")

    record = await store.log(job.id)
    return record.text if record else ""


async def follow(store: Store, job: Job) -> AsyncIterator[str]:
    """Give the lines that a job prints, as they come."""
    attempt, seen, rest = 1, 0, b""

    while not job.is_finished:
        if job.attempt != attempt:
            attempt, seen, rest = job.attempt, 0, b""

        if job.log is not None:
            new = await to_thread.run_sync(_read_on, job.log, seen)
            seen += len(new)
            *lines, rest = (rest + new).splitlines(keepends=True) or [b""]

            if rest.endswith(b"\n"):
                lines, rest = [*lines, rest], b""

            for line in lines:
                yield line.decode("utf-8", "replace")

        await sleep(LOOK)

    record = await store.log(job.id)
    text = record.text if record else ""
    last = text.rpartition(separator(job.attempt))[2] if job.attempts else text

    for line in (rest + last.encode()[seen:]).splitlines(keepends=True):
        yield line.decode("utf-8", "replace")


def _read_on(log: Log, seen: int) -> bytes:
    """Read what follows in the log of a running job. Blocks."""
    try:
        with open(log.path, "rb") as file:
            file.seek(log.start + seen)
            return file.read()
    except OSError:  # its worker has gone
        return b""
