"""What jobs have printed, as a page shows it."""

from __future__ import annotations

import re

LINE = 4_000
"""How many characters of a line are shown at most."""

TEXT = 200_000
"""How many characters are shown of what a job printed, or of a traceback."""

_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])"
)
"""What terminals take for colours, titles and moves."""

_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff"
    "\ufff9-\ufffb\ufffe\uffff\ud800-\udfff]"
)
"""What cannot be in a page, or is not seen in it and turns what is around it."""


def clean(text: str) -> str:
    """Return a text as a terminal would show it, and shortened where it is long.

    Without its colours, and of a line that was written over, what was there at last.
    """
    text = _ESCAPES.sub("", _middle_left_out(text, 4 * TEXT)).replace("\r\n", "\n")
    lines = [_line(line) for line in text.split("\n")]
    return _HIDDEN.sub("\ufffd", _middle_left_out("\n".join(lines), TEXT))


def _line(line: str) -> str:
    if "\r" in line:
        line = next((part for part in reversed(line.split("\r")) if part), "")

    return _middle_left_out(line, LINE)


def _middle_left_out(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text

    half = limit // 2
    mark = f" … {len(text) - 2 * half:,} characters left out … "
    return f"{text[:half]}{mark}{text[-half:]}"
