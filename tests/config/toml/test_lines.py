"""The lines of tables and keys, for messages."""

from __future__ import annotations

from asyncflow.config.toml.lines import line_at, lines_of


def test_lines() -> None:
    lines = lines_of(
        'a.b = 1\n[ "c.d" . e ]\n# f = 1\n  f = 1\n[[g]]\n"h\\n"."i" = 2\n'
    )
    assert lines == {
        ("a",): 1,
        ("a", "b"): 1,
        ("c.d",): 2,
        ("c.d", "e"): 2,
        ("c.d", "e", "f"): 4,
        ("g",): 5,
        ("g", "h\n"): 6,
        ("g", "h\n", "i"): 6,
    }
    assert line_at(lines, ("c.d", "e", "x", "y")) == 2
    assert line_at(lines, ("x",)) is None
