"""The marks of a log: what went to which stream."""

from __future__ import annotations

import os

from hypothesis import given
from hypothesis import strategies as st

from asyncflow.executors._bounded_output import BoundedOutput
from asyncflow.worker.outcome import Printed, read_slice
from asyncflow.worker.streams import (
    Stream,
    decoded,
    end_of,
    framed,
    is_marked,
    parts,
    plain,
    switch,
    whole,
    without_cut_front,
)


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


def test_stdout_is_not_marked() -> None:
    text = "out\n" + framed(b"err\n", "stderr").decode() + "out\n"
    assert is_marked(text)
    assert not is_marked("out\n")
    assert parts("out\n") == [("stdout", "out\n")]
    assert parts("") == []
    assert parts("of a part\n", "stderr") == [("stderr", "of a part\n")]


def test_a_text_goes_on_with_the_stream_at_its_end() -> None:
    begun = (switch("stdout", "stderr") + b"note").decode()
    assert end_of(begun, "stdout") == "stderr"
    assert end_of(begun + switch("stderr", "log").decode(), "stdout") == "log"
    assert end_of(begun + switch("stderr", "stdout").decode(), "log") == "stdout"
    assert end_of("no mark", "log") == "log"


def test_parts_of_stderr_that_nothing_divides_are_one() -> None:
    text = framed(b"one ", "stderr") + framed(b"line\n", "stderr")
    assert whole(text.decode()) == framed(b"one line\n", "stderr").decode()


def test_what_a_cut_leaves_of_a_mark_or_a_character_is_no_text() -> None:
    kept = framed(b"err\n", "stderr").decode()
    text = f"out\n\x12\x02\n... 7 bytes left out ...\n\x12{kept[3:]}behind"
    assert plain(text) == "out\n\n... 7 bytes left out ...\nerr\nbehind"
    assert [name for name, one in parts(text) if "err" in one] == ["stderr"]


def test_bytes_that_are_no_text_are_escaped() -> None:
    assert decoded(b"a\xff") == "a\\xff"
    euro = "€".encode()
    assert decoded(euro[1:] + b"a" + euro[:2], is_cut=True) == "\ufffd\ufffda\ufffd"
    assert without_cut_front(euro[2:] + b"a") == "\ufffda".encode()
