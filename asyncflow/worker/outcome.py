"""What comes of a call: plain tuples, because each one travels through a pipe."""

# No annotations as texts: each would be compiled again, for a field of a NamedTuple.

import os
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from asyncflow.worker.streams import decoded

if TYPE_CHECKING:
    from datetime import datetime

StoredValue: TypeAlias = bytes | str | None
"""Where a value is: in these bytes, in the file of this name, or (None) in the place
that its driver knows."""


@lru_cache(128)
def worker_name(pid: int) -> str:
    """Name a process of this host: ``node7:4312``."""
    return f"{os.uname().nodename}:{pid}"


class Placed(str):
    """Where an output is that is in a place of the user's: as None, with what was seen there
    once it was written. Its text is the fingerprint; see `Driver.fingerprint`.
    """

    __slots__ = ()


class Printed(NamedTuple):
    """What a job printed, as far as it is kept."""

    text: str
    """Marked as `asyncflow.worker.streams` does."""
    left_out: int = 0
    """How many bytes were dropped from the middle."""
    size: int | None = None
    """How many bytes of its log it was; None where it is in no log."""
    records: tuple[bytes, ...] = ()
    """The last of its log records, pickled, as far as they were not sent before."""


class Log(NamedTuple):
    """A slice of a worker's log file."""

    path: str
    start: int
    """Bytes from the beginning of the file."""
    end: int
    worker: str | None = None
    """Whose log it is; see `worker_name`."""

    def read(self, max_bytes: int) -> Printed | None:
        """Read it. Blocks.

        :param max_bytes: how many bytes; of more, the first and the last half
        :return: None where nothing was written
        """
        with open(self.path, "rb") as file:
            return read_slice(file.fileno(), self.start, self.end, max_bytes)


def read_slice(descriptor: int, start: int, end: int, max_bytes: int) -> Printed | None:
    """Read a part of a file; see `Log.read`."""
    size = end - start

    if size <= 0:
        return None

    if size <= max_bytes:
        return Printed(decoded(os.pread(descriptor, size, start)), 0, size)

    half = max_bytes // 2
    first = decoded(os.pread(descriptor, half, start), is_cut=True)
    last = decoded(os.pread(descriptor, half, end - half), is_cut=True)
    left_out = size - 2 * half
    return Printed(f"{first}\n{mark(left_out)}\n{last}", left_out, size)


def mark(left_out: int) -> str:
    """Return the line that says how many bytes were dropped there."""
    return f"... {left_out} bytes left out ..."


def cut(text: str, max_bytes: int) -> Printed | None:
    """Keep a text as far as it is kept; see `Log.read`.

    :param max_bytes: in characters
    :return: None for an empty text
    """
    if len(text) <= max_bytes:
        return Printed(text) if text else None

    half = max_bytes // 2
    left_out = len(text) - 2 * half
    first, last = text[:half], text[len(text) - half :]
    return Printed(f"{first}\n{mark(left_out)}\n{last}", left_out)


class Usage(NamedTuple):
    """What a job used, as its worker saw it."""

    started: float
    """When its function was called: seconds since the epoch."""
    wall: float
    """Seconds."""
    cpu: float | None
    """Seconds of CPU time, with that of the child processes that it waited for; of a job
    that is over in 0.2 ms the time that it took. None where it shares a thread with
    others."""
    peak_rss: int | None
    """The most memory that its process had, in bytes; None where it has none of its
    own."""
    worker: str | None = None
    """Which process that was; see `worker_name`."""

    @property
    def started_at(self) -> "datetime":
        """When its function was called, in UTC."""
        from datetime import UTC, datetime  # workers do without

        return datetime.fromtimestamp(self.started, UTC)


class Returned(NamedTuple):
    """The function returned, and its outputs are kept."""

    kept: tuple[StoredValue, ...]
    """One for each output, in the order of the task's outputs."""
    log: Printed | None = None
    """What the job printed."""
    usage: Usage | None = None


class Raised(NamedTuple):
    """The job raised: the user's function, or the way to its inputs and outputs."""

    summary: str
    """The type and the message, in one line: ``ValueError: no rows``."""
    traceback: str
    """The formatted traceback, from the user's first frame on."""
    error: bytes | BaseException | None
    """The exception: pickled (by a worker), itself (in this process), or None where it
    does not survive pickling."""
    log: Printed | None = None
    usage: Usage | None = None
    kinds: tuple[str, ...] = ()
    """The names of its classes: ``builtins.ValueError``, ``builtins.Exception``, ..."""


class Crashed(NamedTuple):
    """The worker process ended during the job."""

    returncode: int | None
    """The exit code, the negative number of a signal, or None where nobody knows."""
    detail: str = ""
    log: Printed | None = None
    usage: Usage | None = None
    is_charged: bool = True
    """Whether it may be the job's fault, and so counts against its budget."""
    worker: str | None = None
    """Which process that was; see `worker_name`."""

    @property
    def kind(self) -> str:
        """What kind of a failed attempt it is."""
        return "CRASHED" if self.is_charged else "HOST_LEFT"


class Killed(NamedTuple):
    """The job was ended because that was asked for."""

    log: Printed | None = None
    usage: Usage | None = None
    stack: str = ""
    """Where its Python was, as far as that is known."""
    worker: str | None = None
    """Which process that was; see `worker_name`."""


Outcome: TypeAlias = Returned | Raised | Crashed | Killed


EARLIER = 1_048_576
"""How many characters are kept of what earlier attempts have printed."""


def separator(attempt: int) -> str:
    """Return what stands between the outputs of two attempts."""
    return f"\n--- attempt {attempt} ---\n"


def joined(earlier: Printed | None, last: Printed, attempt: int) -> Printed:
    """Join what the attempts at a job have printed; of much output of earlier ones the
    beginning and the end are kept.
    """
    if earlier is None:
        return last

    kept = cut(earlier.text, EARLIER) or earlier
    text = f"{kept.text}{separator(attempt)}{last.text}"
    left_out = earlier.left_out + (kept.left_out if kept is not earlier else 0)
    return Printed(text, left_out + last.left_out)
