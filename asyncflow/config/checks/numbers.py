"""Fields that take numbers: which ones."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

import attrs

from asyncflow.errors import Problem

MAX_COUNT = 1_000_000
MAX_BYTES = 1 << 60


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Number:
    """The numbers that a field takes."""

    remedy: str
    """What to do about any other value."""

    minimum: float = 0
    """The smallest of them."""

    over: bool = False
    """Whether it is more than the least."""

    maximum: float = sys.float_info.max
    """The largest of them; by default any that is finite."""

    whole: bool = False
    """Whether it is an int."""

    optional: bool = False
    """Whether the field takes None, too."""

    def takes(self, value: object) -> bool:
        """Tell whether a value is one of them."""
        if value is None:
            return self.optional

        if isinstance(value, bool) or not isinstance(value, int | float):
            return False

        if self.whole and type(value) is not int:
            return False

        # Comparing leaves NaN out, and infinity.
        low = value > self.minimum if self.over else value >= self.minimum
        return low and value <= self.maximum

    def problems(
        self, label: str, field: str, value: object, part: str = ""
    ) -> Iterator[Problem]:
        """Yield a problem if a value is not one of them.

        :param part: which part of the field has the value; "" for the field itself.
        """
        if not self.takes(value):
            yield Problem(
                section=label,
                field=field,
                message=f"{part and part + ': '}{value!r} is not {self}",
                remedy=self.remedy,
            )

    def __str__(self) -> str:
        kind = "an int" if self.whole else "a number"
        if self.maximum != sys.float_info.max:
            return f"{kind} from {self.minimum} to {self.maximum}"

        return f"{kind} {'above' if self.over else 'of at least'} {self.minimum}"


SECONDS_OR_NONE = Number(
    over=True, optional=True, remedy="give seconds, or None for no limit"
)
BYTES_OR_NONE = Number(
    minimum=1,
    maximum=MAX_BYTES,
    whole=True,
    optional=True,
    remedy="give bytes, or None for no limit",
)
SECONDS = Number(remedy="give seconds")


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


def check_page(limit: object, offset: object) -> None:
    """Refuse what is no part of a list."""
    for what, count in (("limit", limit), ("offset", offset)):
        if what == "limit" and count is None:
            continue

        if type(count) is not int or count < 0:
            raise ValueError(f"{what} is an int of at least 0; got {count!r}")


def check_callbacks_are_many(callbacks: object) -> None:
    """Refuse a single callback in the place of a list of them."""
    if not isinstance(callbacks, Iterable):
        raise TypeError(f"callbacks are a list of functions; got {callbacks!r}")
