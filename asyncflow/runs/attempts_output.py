"""What the attempts at a job have printed, as one text."""

from __future__ import annotations

from asyncflow.worker.outcome import Printed, cut

EARLIER = 1_048_576
"""How many characters are kept of what earlier attempts have printed."""


def separator(attempt: int) -> str:
    """Return what stands between the outputs of two attempts."""
    return f"\n--- attempt {attempt} ---\n"


def joined(earlier: Printed | None, last: Printed, attempt: int) -> Printed:
    """Join what the attempts at a job have printed; of much output of earlier ones the
    beginning and the end are kept.
    """
    if earlier is None:
        return last

    kept = cut(earlier.text, EARLIER) or earlier
    text = f"{kept.text}{separator(attempt)}{last.text}"
    left_out = earlier.left_out + (kept.left_out if kept is not earlier else 0)
    return Printed(text, left_out + last.left_out)
