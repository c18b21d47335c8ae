"""What jobs have printed, as a page shows it."""

from __future__ import annotations

from asyncflow.display.printed import LINE, TEXT, clean


def test_colours_of_terminals_are_left_out_and_lines_written_over_are_the_last() -> (
    None
):
    assert clean("\x1b[1;31mred\x1b[0m \x1b]0;title\x07x\x1b(B") == "red x"
    assert clean("10 %\r50 %\r100 %\nnext\r\n") == "100 %\nnext\n"
    assert clean("done\r") == "done"
    assert clean("a\tb\x00\u202e\ufffe") == "a\tb\ufffd\ufffd\ufffd"


def test_long_lines_and_texts_lose_their_middle() -> None:
    line = clean("a" * 5_000_000 + "end")
    assert len(line) < LINE + 100
    assert "characters left out" in line
    assert line.endswith("end")
    many = clean("line\n" * 1_000_000)
    assert len(many) < TEXT + 100
    assert many.startswith("line\nline\n")
