"""What callers may say of how they submit: how long they wait, yes or no."""

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


def check_flag(name: str, value: object, remedy: str = "") -> None:
    """Refuse what is neither True nor False.

    :raises TypeError: where it is something else, say a list of callbacks
    """
    if not isinstance(value, bool):
        raise TypeError(f"{name} is True or False; got {value!r}{remedy}")
