"""The marks of a log: what went to which stream."""

from __future__ import annotations

import os

from hypothesis import given
from hypothesis import strategies as st

from asyncflow.executors._bounded_output import BoundedOutput
from asyncflow.worker.outcome import Printed, read_slice
from asyncflow.worker.streams import Stream, framed, parts, plain


@given(st.lists(st.tuples(st.sampled_from(["stdout", "stderr", "log"]), st.text())))
def test_parts_are_what_was_framed(pieces: list[tuple[Stream, str]]) -> None:
    pieces = [(name, text.translate({0x12: None, 0x14: None})) for name, text in pieces]
    data = b"".join(
        text.encode() if name == "stdout" else framed(text.encode(), name)
        for name, text in pieces
    )
    marked = data.decode()
    assert plain(marked) == "".join(text for _, text in pieces)
    kept = BoundedOutput(10_000_000)

    for name, text in pieces:
        kept.write(text, name)

    for of in (marked, (kept.printed() or Printed("")).text):
        for stream in ("stdout", "stderr", "log"):
            found = "".join(text for name, text in parts(of) if name == stream)
            assert found == "".join(text for name, text in pieces if name == stream)


@given(most=st.integers(0, 60))
def test_a_mark_that_was_cut_in_two_is_not_shown(most: int) -> None:
    data = b"out\n" + framed(b"err\n" * 5, "stderr") + b"out\n" + framed(b"l\n", "log")

    with open(os.memfd_create("log"), "wb+") as file:
        file.write(data)
        file.flush()
        printed = read_slice(file.fileno(), 0, len(data), most)

    assert printed is not None
    assert not set(plain(printed.text)) & set("\x02\x03\x12\x14")
    shown = "".join(text for name, text in parts(printed.text) if name == "stdout")
    assert "e" not in shown.replace("bytes left", "")
