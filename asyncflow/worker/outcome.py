"""What comes of a call: plain tuples, because each one travels through a pipe."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

Kept: TypeAlias = bytes | str | None
"""Where a value is: in these bytes, in the file of this name, or (None) in the place
that its driver knows."""


class Log(NamedTuple):
    """The slice of a worker's log file that one job wrote."""

    path: str
    start: int
    """Bytes from the beginning of the file."""
    end: int

    def read(self) -> str:
        """Read what was written: blocking."""
        with open(self.path, "rb") as file:
            file.seek(self.start)
            return file.read(self.end - self.start).decode("utf-8", "replace")


class Returned(NamedTuple):
    """The function returned, and its outputs are kept."""

    kept: tuple[Kept, ...]
    """One for each output, in the order of the task's outputs."""
    log: Log | str | None = None
    """What the job printed: a slice of a file, the text itself, or nothing."""


class Raised(NamedTuple):
    """The job raised: the user's function, or the way to its inputs and outputs."""

    summary: str
    """The type and the message, in one line: ``ValueError: no rows``."""
    traceback: str
    """The formatted traceback, from the user's first frame on."""
    error: bytes | BaseException | None
    """The exception: pickled (by a worker), itself (in this process), or None where it
    does not survive pickling."""
    log: Log | str | None = None


class Crashed(NamedTuple):
    """The worker process ended during the job."""

    returncode: int | None
    """The exit code, the negative number of a signal, or None where nobody knows."""
    detail: str = ""
    log: Log | str | None = None


class Killed(NamedTuple):
    """The job was ended because its run was cancelled."""

    log: Log | str | None = None


Outcome: TypeAlias = Returned | Raised | Crashed | Killed
