"""Arguments of verbs of another kind than is meant: the error names them, and what they are.

Verbs that a first run does not call look at theirs.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any


def check_date(name: str, given: object) -> None:
    """Refuse what is no date with a time.

    :raises TypeError: where it is something else, say a text
    """
    if given is not None and not isinstance(given, datetime):
        raise TypeError(
            f"{name} is a datetime, such as datetime(2026, 1, 31, tzinfo=UTC), or None; "
            f"got {given!r:.100}"
        )


def check_text(name: str, given: object, *, optional: bool = False) -> None:
    """Refuse what is no text.

    :param optional: whether None is given for nothing
    :raises TypeError: where it is something else
    """
    if not isinstance(given, str) and not (optional and given is None):
        or_none = ", or None" if optional else ""
        raise TypeError(f"{name} is a text{or_none}; got {given!r:.100}")


def several(name: str, given: Iterable[Any] | None) -> tuple[Any, ...]:
    """Return what a function is given; nothing for None.

    :raises TypeError: where it is one thing alone
    """
    if given is None:
        return ()

    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise TypeError(
            f"{name} is a list of what the function is given, such as [{given!r:.100}], "
            f"or None; got {given!r:.100}"
        )

    return tuple(given)
