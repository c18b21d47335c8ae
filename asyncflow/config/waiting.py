"""How long callers may wait."""

from __future__ import annotations


def check_timeout(timeout: object) -> None:
    """Refuse what is no time to wait.

    :raises ValueError: where it is not a number of seconds, at least 0, or None
    """
    if timeout is None or (
        isinstance(timeout, int | float)
        and not isinstance(timeout, bool)
        and timeout >= 0
    ):
        return

    raise ValueError(f"timeout is in seconds, at least 0, or None; got {timeout!r}")
