"""Texts that go into records, events and logs: bounded, whatever a job raises."""

from __future__ import annotations

REASON = 2_000
"""How many characters the reason of a job or of a run may have."""

TRACEBACK = 65_536
"""How many characters a traceback may have."""

ERROR = 1_048_576
"""How many bytes the pickle of an exception may have. A larger one travels as text."""

_MARK = 64
"""More characters than it takes to say how many were left out."""


def shortened(text: str, max_length: int) -> str:
    """Return a text, or of a long one the beginning and the end.

    :param max_length: how many characters the result may have, at least 100
    """
    if len(text) <= max_length:
        return text

    half = (max_length - _MARK) // 2
    left_out = len(text) - 2 * half
    return f"{text[:half]} ... {left_out} characters left out ... {text[-half:]}"


def is_utf8(text: str) -> bool:
    """Tell whether a text has no half of a character (a surrogate)."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False

    return True
