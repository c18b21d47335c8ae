"""What callers give, in the form that sections hold it.

Whatever has no such form is kept as it is, for the checks to report.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any


def as_tuple(value: object) -> tuple[Any, ...]:
    """Make a tuple of None, of one thing, or of several."""
    if value is None:
        return ()

    if isinstance(value, Iterable) and not isinstance(value, str | bytes | type):
        return tuple(value)

    return (value,)


def as_sequences(value: object) -> Any:
    """Make a dict of tuples."""
    if value is None:
        return {}

    if isinstance(value, Mapping):
        return {name: as_tuple(tasks) for name, tasks in value.items()}

    return value


def as_path(value: object) -> Any:
    """Make a string of a path."""
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def as_amounts(value: Mapping[str, float] | None) -> Mapping[str, float]:
    """Make a dict of its own, which later changes of the caller's leave alone."""
    given: Any = value
    if given is None:
        return {}

    return dict(given) if isinstance(given, Mapping) else given
