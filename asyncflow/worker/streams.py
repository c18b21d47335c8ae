"""The streams of a job's log: what went to stderr, and log records, are marked there.

So one file, and one text in the store, has all in its order. What is not marked went to
stdout. Who shows a log takes the marks away. In a worker `Stdout` and `Stderr` stand under
Python's own streams.
"""

from __future__ import annotations

import errno
import io
import os
import re
import sys
from collections.abc import Callable
from typing import Literal, Protocol, TypeAlias

Mode: TypeAlias = bool | Literal["live"]
"""Whether what jobs print is shown: when they end, or ``"live"``, while they run."""

Stream: TypeAlias = Literal["stdout", "stderr", "log"]

_NUMBERS: dict[Stream, str] = {"stderr": "\x02", "log": "\x03"}
_STREAMS: dict[str, Stream] = {number: name for name, number in _NUMBERS.items()}

END = "\x14\x02\x14"
"""Ends a part. Control characters for tape punches: hardly anybody prints them."""

_BEGINS = {name: f"\x12{number}\x12".encode() for name, number in _NUMBERS.items()}

_REPLACEMENT = "\ufffd".encode()

_LEFT_OUT = r"\.\.\. \d+ bytes left out \.\.\.\n"
_MARK = (
    r"(\x12[\x02\x03]\x12|\x14\x02\x14)"
    # One that was cut in two, where the middle of a log was left out.
    rf"|(?:\x12[\x02\x03]?|\x14\x02?)(?=\n{_LEFT_OUT})"
    r"|(?<= bytes left out \.\.\.\n)(?:[\x02\x03]?\x12|\x02?\x14)"
)
_CUT_FRONT = rb"\A[\x80-\xbf]{1,3}"
_CUT_END = rb"(?:[\xc2-\xdf]|[\xe0-\xef][\x80-\xbf]?|[\xf0-\xf4][\x80-\xbf]{0,2})\Z"
_BORDER = rf"(?<=\n){_LEFT_OUT}"
"""Patterns: `re` compiles them once they are needed."""


def framed(data: bytes, stream: Stream) -> bytes:
    """Mark what went to another stream than stdout."""
    return _BEGINS[stream] + data + END.encode()


def switch(now: Stream, then: Stream) -> bytes:
    """Return the marks between two streams."""
    end = b"" if now == "stdout" else END.encode()
    return end + _BEGINS.get(then, b"")


def decoded(data: bytes | bytearray, *, is_cut: bool = False) -> str:
    """Return what was printed as text; bytes that are none are escaped.

    :param is_cut: whether characters at its ends may be cut in two
    """
    if is_cut:
        data = re.sub(_CUT_END, _REPLACEMENT, without_cut_front(data))

    return data.decode("utf-8", "backslashreplace")


def without_cut_front(data: bytes | bytearray) -> bytes | bytearray:
    """Replace what is left of a character of which the beginning was cut off."""
    return re.sub(_CUT_FRONT, lambda cut: _REPLACEMENT * len(cut[0]), data)


def is_marked(text: str) -> bool:
    """Tell whether there may be marks in a text."""
    return "\x12" in text or "\x14" in text


def plain(text: str) -> str:
    """Return a text without its marks."""
    return re.sub(_MARK, "", text) if is_marked(text) else text


def whole(text: str) -> str:
    """Return a text in which a part of stderr is not cut where none is between."""
    return text.replace(f"{END}{_BEGINS['stderr'].decode()}", "")


def parts(text: str, begin: Stream = "stdout") -> list[tuple[Stream, str]]:
    """Split a text by its streams, in its order; parts that follow each other may have
    the same one.

    :param begin: what the text begins with, as far as that is known
    """
    if not is_marked(text):
        return [(begin, text)] if text else []

    found: list[tuple[Stream, str]] = []
    stream, at = begin, 0

    for mark in re.finditer(_MARK, text):
        chunk, at = text[at : mark.start()], mark.end()

        if mark[1] is None:
            found.append((stream, chunk))
        elif mark[1] == END:
            found.append(("stderr" if stream == "stdout" else stream, chunk))
            stream = "stdout"
        else:
            _add_before(found, stream, chunk)
            stream = _STREAMS[mark[1][1]]

    found.append((stream, text[at:]))
    return [part for part in found if part[1]]


def _add_before(found: list[tuple[Stream, str]], stream: Stream, chunk: str) -> None:
    """Add what comes before the beginning of a part: its own stream's end was cut off,
    if it is not stdout.
    """
    border = re.search(_BORDER, chunk) if stream != "stdout" else None

    if border is None:
        found.append((stream, chunk))
    else:
        found.append((stream, chunk[: border.end()]))
        found.append(("stdout", chunk[border.end() :]))


def end_of(text: str, begin: Stream) -> Stream:
    """Return with which stream a text goes on behind its end.

    :param begin: what it begins with
    """
    last = max(text.rfind("\x12"), text.rfind("\x14")) if is_marked(text) else -1

    if last < 2:
        return begin

    return _STREAMS.get(text[last - 1], "stdout") if text[last] == "\x12" else "stdout"


LOG_SIZE = 16 * 1024 * 1024
"""How much of a log file may lie on the disk when a trip begins, in bytes."""

PLACE = 64 * LOG_SIZE + 7
"""Where the log file's descriptors point while nothing is printed. What is written goes
to the end of the file from anywhere, and moves the place; so who finds it unmoved knows
that nothing was written and that the descriptor is still ours, and asks no more."""

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What a write says where there is no room for what jobs print: they go on without."""

_lseek = os.lseek
"""Bound here: a job may replace it."""


class WorkerLog(Protocol):
    """What keeps the output of a worker."""

    def fold_before(self) -> None:
        """Bring what was written to descriptor 2 into the log, before Python prints."""

    def write_stderr(self, data: bytes | memoryview) -> bool:
        """Write what Python prints to stderr into the log, in its order.

        :return: False where a job has pointed descriptor 2 elsewhere: it goes there
        """

    def lose(self, size: int, error: OSError) -> None:
        """Note that there is no room for what a job prints.

        :param size: how many bytes
        """


class Stdout(io.FileIO):
    """Descriptor 1: what was written to descriptor 2 before comes first.

    :param log: the log of the worker
    """

    def __init__(self, log: WorkerLog) -> None:
        super().__init__(1, "w", closefd=False)
        self._log = log

    def write(self, data: bytes) -> int:  # type: ignore[override]  # or what is like bytes
        try:
            if _lseek(2, 0, os.SEEK_CUR) != PLACE:
                self._log.fold_before()
        except OSError:
            pass  # a job has pointed it at what has no place

        try:
            return super().write(data)
        except OSError as error:
            if error.errno not in FULL:
                raise

            self._log.lose(len(data), error)
            return len(data)


class Stderr(io.FileIO):
    """Descriptor 2: what Python writes there goes to the log at once, and is marked.

    :param log: the log of the worker
    """

    def __init__(self, log: WorkerLog) -> None:
        super().__init__(2, "w", closefd=False)
        self._log = log

    def write(self, data: bytes) -> int:  # type: ignore[override]  # or what is like bytes
        if self._log.write_stderr(data):
            return len(data)

        return super().write(data)


def text_writer(raw: io.RawIOBase) -> io.TextIOWrapper:
    """Make a stream of text of one of bytes."""
    return io.TextIOWrapper(  # lives as long as the process
        io.BufferedWriter(raw),
        encoding="utf-8",
        errors="backslashreplace",
        line_buffering=True,
    )


def are_as_made(*streams: io.TextIOWrapper) -> bool:
    """Tell whether streams write text as `text_writer` has made them to."""
    return all(
        (stream.encoding, stream.errors, stream.line_buffering)
        == ("utf-8", "backslashreplace", True)
        for stream in streams
    )


def flush_of_c() -> Callable[[None], object]:
    """Return what flushes C's own buffers, as C libraries print through them."""
    import ctypes

    try:
        library = ctypes.CDLL(None)
    except OSError:
        return lambda _: None

    flush: Callable[[None], object] = library.fflush
    return flush


def close_placeholders() -> None:
    """Close the streams that anyio put in the place of the standard ones."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if stream not in (sys.__stdin__, sys.__stdout__, sys.__stderr__):
            stream.close()
