"""The standard streams of this process while jobs run in it: each job's output is kept."""

from __future__ import annotations

import io
import threading
import weakref
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import Context, ContextVar
from typing import TextIO

import attrs

from asyncflow.executors._bounded_output import BoundedOutput
from asyncflow.log import logger as _logger
from asyncflow.worker.streams import Stream

MAX_LATEST = 8
"""How many that stood for a stream are held."""

MAX_HELD = 65_536
"""How many characters of a line are held at most."""


@attrs.define(eq=False)
class Captured:
    """The output of a job in this process.

    :param kept: keeps it
    :param is_shown: whether it is shown, too
    :param label: what each line that is shown begins with
    """

    kept: BoundedOutput
    is_shown: bool = True
    label: str = ""
    _within: dict[Stream, bool] = attrs.field(init=False, factory=dict)
    """Of each stream, whether the last line that was shown has no end yet."""
    _held: dict[Stream, str] = attrs.field(init=False, factory=dict)
    """Of each stream, the beginning of a line: it is shown once that is whole, so that
    nobody writes into it, or once it is flushed."""
    _lock: threading.RLock = attrs.field(init=False, factory=threading.RLock)
    """One that its thread may take again: a finalizer or a handler of a signal that prints is
    called in the midst of this."""

    def taken(self, text: str, stream: Stream) -> str:
        """Take a text; return what is shown now."""
        with self._lock:
            text = self._held.pop(stream, "") + text
            end = text.rfind("\n") + 1

            if len(text) - end < MAX_HELD:
                self._held[stream] = text[end:]
                text = text[:end]

            return self._labelled(text, stream)

    def rest(self, stream: Stream) -> str:
        """Return what is held, to show it now."""
        with self._lock:
            return self._labelled(self._held.pop(stream, ""), stream)

    def _labelled(self, text: str, stream: Stream) -> str:
        if not self.label or not text:
            return text

        begin = "" if self._within.get(stream) else self.label
        self._within[stream] = not text.endswith("\n")
        body = text[:-1].replace("\n", f"\n{self.label}")
        return f"{begin}{body}{text[-1]}"


printed: ContextVar[Captured | None] = ContextVar("asyncflow_printed", default=None)
"""The output of the job that runs in this context."""


_told: set[Stream] = set()
"""The streams of which it was told that they did not show something."""


@contextmanager
def _showing(stream: Stream) -> Iterator[None]:
    """Have a job go on where its output is not shown; say so, once."""
    if printed.get() is None:
        yield
        return

    try:
        yield
    except Exception as error:
        if stream in _told:
            return

        _told.add(stream)
        problem = "the output of a job could not be shown on %s: %r"

        with suppress(Exception):  # not as a record of the job
            Context().run(_logger.warning, problem, stream, error)


class Split(io.TextIOBase):
    """A standard stream that keeps what a job writes, and hands all on.

    To a job it is like the stream that it stands for, but that it takes any character:
    what that one has no characters for is escaped. And nothing fails there: what cannot
    be shown is kept nevertheless.

    :param target: that stream; None where the process has none
    :param stream: which one it is
    """

    def __init__(self, target: TextIO | None, stream: Stream = "stdout") -> None:
        self._target = target
        self._released: weakref.ref[TextIO] | None = None
        self.stream = stream

    @property
    def target(self) -> TextIO | None:
        """That stream; None, too, where it is gone since it was released."""
        target = self._target

        if target is None and self._released is not None:
            return self._released()

        return target

    def hold(self, target: TextIO | None) -> None:
        """Stand for that stream again."""
        self._target = target

    def release(self) -> TextIO | None:
        """Hold that stream no more, as this is not in its place any more; return it."""
        target = self.target

        with suppress(TypeError):  # there is none, or it takes no weak references
            self._released = weakref.ref(target)  # type: ignore[arg-type]
            self._target = None

        return target

    def write(self, text: str) -> int:
        _check(text)
        captured = printed.get()

        if captured is not None:
            captured.kept.write(text, self.stream)

            if not captured.is_shown:
                return len(text)

        self._show(text if captured is None else captured.taken(text, self.stream))
        return len(text)

    def show_rest(self) -> None:
        """Show the line that the job of this context has begun."""
        captured = printed.get()

        if captured is not None and captured.is_shown:
            self._show(captured.rest(self.stream))

    def _show(self, text: str) -> None:
        target = self.target

        if target is None or not text:
            return

        with _showing(self.stream):
            try:
                target.write(text)
            except UnicodeEncodeError as error:
                escaped = text.encode(error.encoding, "backslashreplace")
                target.write(escaped.decode(error.encoding))

    def writelines(self, lines: Iterable[str]) -> None:  # type: ignore[override]  # of str alone
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        self.show_rest()

        target = self.target

        if target is not None:
            with _showing(self.stream):
                target.flush()

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


_latest: dict[Stream, deque[Split]] = {}
"""The last ones of each stream, which are used again. They live on once they are not the
process's stream any more: up to Python 3.13, a `print` that another thread has begun goes
on with one to which it holds no reference."""


def split(target: TextIO | None, stream: Stream) -> Split:
    """Return what stands for a standard stream of this process from now on."""
    latest = _latest.setdefault(stream, deque(maxlen=MAX_LATEST))

    for found in latest:
        if found.target is target:
            found.hold(target)
            return found

    made = Split(target, stream)
    latest.append(made)
    return made


class _SplitBuffer(io.BufferedIOBase):
    """The same for bytes."""

    def __init__(self, stream: Split, target: object) -> None:
        self._stream = stream
        self._target: io.BufferedIOBase = target  # type: ignore[assignment]  # or like it

    def write(self, data: bytes) -> int:  # type: ignore[override]  # or what is like bytes
        with memoryview(data) as view:
            size = view.nbytes
            text = view.tobytes().decode(self._stream.encoding, "backslashreplace")

        captured = printed.get()

        if captured is not None and captured.label:
            self._stream.write(text)  # with the label of its line
            return size

        self._stream.show_rest()

        if captured is not None:
            captured.kept.write(text, self._stream.stream)

        if captured is None or captured.is_shown:
            with _showing(self._stream.stream):
                self._target.write(data)

        return size

    def flush(self) -> None:
        self._stream.show_rest()

        with _showing(self._stream.stream):
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
