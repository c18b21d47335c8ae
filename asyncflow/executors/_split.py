"""The standard streams of this process while jobs run in it: each job's output is kept."""

from __future__ import annotations

import io
from collections.abc import Iterable
from contextvars import ContextVar
from typing import TextIO

from asyncflow.executors._head_and_tail import HeadAndTail

printed: ContextVar[tuple[HeadAndTail, bool] | None] = ContextVar(
    "asyncflow_printed", default=None
)
"""Where what is printed in this context is kept, and whether it is shown too."""


class Split(io.TextIOBase):
    """A standard stream that keeps what a job writes, and hands all on.

    To a job it is like the stream that it stands for.

    :param target: that stream; None where the process has none
    """

    def __init__(self, target: TextIO | None) -> None:
        self.target = target

    def write(self, text: str) -> int:
        _check(text)

        if _keep(text) and self.target is not None:
            self.target.write(text)

        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:  # type: ignore[override]  # of str alone
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        if self.target is not None:
            self.target.flush()

    def close(self) -> None:
        """Do nothing: other jobs have the stream, too."""

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return self.target is not None and self.target.isatty()

    def fileno(self) -> int:
        if self.target is None:
            raise io.UnsupportedOperation("fileno")

        return self.target.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]  # it is not to be set
        return getattr(self.target, "encoding", None) or "utf-8"

    @property
    def errors(self) -> str:  # type: ignore[override]  # the same
        return getattr(self.target, "errors", None) or "strict"

    @property
    def newlines(self) -> object:  # type: ignore[override]  # the same
        return getattr(self.target, "newlines", None)

    @property
    def closed(self) -> bool:
        return self.target is not None and self.target.closed

    @property
    def buffer(self) -> _SplitBuffer:
        """What takes bytes; there is none where the stream has none."""
        if self.target is None:
            raise AttributeError("buffer")

        return _SplitBuffer(self, self.target.buffer)

    def __getattr__(self, name: str) -> object:
        return getattr(self.target, name)


class _SplitBuffer(io.BufferedIOBase):
    """The same for bytes."""

    def __init__(self, stream: Split, target: object) -> None:
        self._stream = stream
        self._target: io.BufferedIOBase = target  # type: ignore[assignment]  # or like it

    def write(self, data: bytes) -> int:  # type: ignore[override]  # or what is like bytes
        with memoryview(data) as view:
            size = view.nbytes
            text = view.tobytes().decode(self._stream.encoding, "replace")

        if _keep(text):
            self._target.write(data)

        return size

    def flush(self) -> None:
        self._target.flush()

    def close(self) -> None:
        """Do nothing: other jobs have the stream, too."""

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return self._target.isatty()

    def fileno(self) -> int:
        return self._target.fileno()

    def __getattr__(self, name: str) -> object:
        return getattr(self._target, name)


def _check(text: object) -> None:
    if not isinstance(text, str):
        raise TypeError(f"write() argument must be str, not {type(text).__name__}")


def _keep(text: str) -> bool:
    """Keep what is printed where a job runs; tell whether it is shown."""
    kept = printed.get()

    if kept is None:
        return True

    taken, echo = kept
    taken.write(text)
    return echo
