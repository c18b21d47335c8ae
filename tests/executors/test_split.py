"""The standard streams while jobs run in this process: each job's output is kept."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeAlias

import pytest

from asyncflow.executors import _split
from asyncflow.executors._bounded_output import BoundedOutput
from asyncflow.executors._split import MAX_HELD, Captured, Split, printed

TraceFunction: TypeAlias = Callable[[FrameType, str, Any], Any]


@contextmanager
def job(*, is_shown: bool = True, label: str = "") -> Iterator[Captured]:
    """Have a job print in this context."""
    captured = Captured(BoundedOutput(1_000_000), is_shown, label)
    token = printed.set(captured)

    try:
        yield captured
    finally:
        printed.reset(token)


def kept(captured: Captured) -> str:
    found = captured.kept.printed()
    return "" if found is None else found.text


def test_a_job_shows_whole_lines_and_keeps_all() -> None:
    target = io.StringIO()
    stream = Split(target)

    with job() as captured:
        assert stream.write("ro") == 2
        assert target.getvalue() == ""
        stream.write("w 1\nrow")
        assert target.getvalue() == "row 1\n"
        stream.flush()
        assert target.getvalue() == "row 1\nrow"

    assert kept(captured) == "row 1\nrow"
    stream.write("of the program")
    assert target.getvalue() == "row 1\nrowof the program"


def test_two_jobs_do_not_write_into_each_others_lines() -> None:
    target = io.StringIO()
    stream = Split(target)

    with job(label="[a] "):
        stream.write("one ")

        with job(label="[b] "):
            stream.write("row\nrow\n")

        stream.write("line\n")

    assert target.getvalue() == "[b] row\n[b] row\n[a] one line\n"


def test_a_label_begins_each_line_once() -> None:
    target = io.StringIO()
    stream = Split(target)

    with job(label="[a] "):
        stream.write("begun")
        stream.flush()
        stream.writelines([" ended\n", "\n"])

    assert target.getvalue() == "[a] begun ended\n[a] \n"


def test_a_label_begins_lines_of_bytes_too() -> None:
    raw = io.BytesIO()
    stream = Split(io.TextIOWrapper(raw, encoding="utf-8", write_through=True))

    with job(label="[a] ") as captured:
        stream.write("text, ")
        assert stream.buffer.write(b"raw\xff\nbegun") == 10
        stream.buffer.flush()
        stream.buffer.write(b" ended\n")

    shown = raw.getvalue().decode()
    assert shown == "[a] text, raw\\xff\n[a] begun ended\n"
    assert kept(captured) == shown.replace("[a] ", "")


def test_a_long_line_is_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_split, "MAX_HELD", 10)
    target = io.StringIO()

    with job():
        Split(target).write("x" * 10)
        assert target.getvalue() == "x" * 10

    assert MAX_HELD > 10


def test_what_is_not_shown_is_kept() -> None:
    target = io.StringIO()
    stream = Split(target, "stderr")

    with job(is_shown=False) as captured:
        stream.write("note\n")
        stream.show_rest()

    assert target.getvalue() == ""
    assert "note\n" in kept(captured)


def test_bytes_are_kept_in_their_order() -> None:
    raw = io.BytesIO()
    stream = Split(io.TextIOWrapper(raw, encoding="utf-8", write_through=True))

    with job() as captured:
        stream.write("a ")
        assert stream.buffer.write("größe\n".encode()) == 8
        stream.buffer.flush()

    assert raw.getvalue().decode() == "a größe\n" == kept(captured)


def test_what_the_stream_has_no_characters_for_is_escaped() -> None:
    raw = io.BytesIO()
    stream = Split(io.TextIOWrapper(raw, encoding="ascii", write_through=True))

    with job() as captured:
        stream.write("größe\n")

    assert raw.getvalue() == b"gr\\xf6\\xdfe\n"
    assert kept(captured) == "größe\n"
    assert (stream.encoding, stream.errors) == ("ascii", "strict")


def test_a_process_may_have_no_stream() -> None:
    stream = Split(None)

    with job() as captured:
        stream.write("kept\n")
        stream.flush()

    assert kept(captured) == "kept\n"
    assert not stream.isatty()
    assert (stream.encoding, stream.closed) == ("utf-8", False)

    with pytest.raises(io.UnsupportedOperation):
        stream.fileno()

    with pytest.raises(AttributeError):
        _ = stream.buffer


class Broken(io.TextIOBase):
    """A stream of somebody's."""

    @property
    def buffer(self) -> Broken:
        return self

    def write(self, text: object) -> int:
        raise RuntimeError(f"no {text}")

    def flush(self) -> None:
        raise RuntimeError("no flush")

    def __del__(self) -> None:
        """Do not flush at last, as its base does: it may be in another test."""


def test_a_job_goes_on_where_its_output_cannot_be_shown(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_split, "_told", set())
    stream = Split(Broken())  # type: ignore[arg-type]  # a home-made one

    with job() as captured:
        stream.write("kept\n")
        stream.write("too")
        stream.flush()
        stream.buffer.write(b" bytes")
        stream.buffer.flush()

    assert kept(captured) == "kept\ntoo bytes"
    (said,) = caplog.messages
    assert said.startswith("the output of a job could not be shown on stdout: Runtime")

    with pytest.raises(RuntimeError, match="no flush"):
        stream.flush()  # the program's own affair


def test_only_text_is_written() -> None:
    with pytest.raises(TypeError, match="must be str, not bytes"):
        Split(io.StringIO()).write(b"bytes")  # type: ignore[arg-type]  # on purpose


def test_a_job_does_not_close_the_stream_of_others() -> None:
    target = io.StringIO()
    Split(target).close()
    target.write("open")


def test_a_finalizer_may_print_in_the_midst_of_a_print() -> None:
    target = io.StringIO()
    stream = Split(target)
    midst: list[str] = []

    def trace(frame: FrameType, event: str, _: object) -> TraceFunction | None:
        if frame.f_code.co_filename != _split.__file__:
            return None

        midst.append(f"in the midst {len(midst)}\n")
        stream.write(midst[-1])  # a trace function is not traced
        return trace

    before = sys.gettrace()

    with job(label="> ") as captured:
        sys.settrace(trace)

        try:
            stream.write("row\n")
        finally:
            sys.settrace(before)

        stream.flush()

    printed_rows = sorted(kept(captured).splitlines(keepends=True))
    assert printed_rows == sorted(["row\n", *midst])
    assert len(midst) > 10
