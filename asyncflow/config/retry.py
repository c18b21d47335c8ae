"""When a job that failed is tried again."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from typing import Any, TypeAlias

import attrs

from asyncflow.config.checks.values import names_arguments
from asyncflow.config.converters import as_tuple
from asyncflow.facts import Facts

Kind: TypeAlias = type[BaseException] | str
"""An exception class, or its name."""

LONGEST_WAIT = 365 * 24 * 3600.0
"""The longest wait, in seconds, where `Retry.max_wait` is None: a year."""


def _as_kinds(on: Kind | Iterable[Kind]) -> tuple[Kind, ...]:
    return as_tuple(on)


def _names(on: Iterable[object]) -> frozenset[str]:
    """Return what is compared: a class and its name are the same kind."""
    from asyncflow.config.checks.exception_names import name_of

    return frozenset(map(name_of, on))


@names_arguments
@attrs.frozen(eq=False, repr=False)
class Retry(Facts):
    """How often a job that failed is tried again, when, and after which errors.

    ``Retry(3, wait=1, on=ConnectionError)`` tries three times in all: the second time
    a second after the first attempt failed, the third time two seconds after the second
    one, and only while the error is a ConnectionError.
    """

    attempts: int = 3
    """How often a job is tried in all, the first time included."""

    wait: float = attrs.field(default=0.0, kw_only=True)
    """Seconds before the second attempt."""

    factor: float = attrs.field(default=2.0, kw_only=True)
    """How many times longer each further wait is."""

    max_wait: float | None = attrs.field(default=None, kw_only=True)
    """The longest wait, in seconds; None for a year."""

    jitter: float = attrs.field(default=0.0, kw_only=True)
    """The share of a wait, from 0 to 1, by which it is varied at random."""

    on: tuple[Kind, ...] = attrs.field(
        default=(Exception,), kw_only=True, converter=_as_kinds, eq=_names
    )
    """The errors after which it is tried again, subclasses included: classes, or names
    as ``package.module:Class``, of the module that defines the class."""

    def wait_before(self, attempt: int, chance: float) -> float:
        """Return the seconds to wait before an attempt.

        :param attempt: which one: 2 for the first that is not the first try.
        :param chance: from 0, for the shortest wait that `jitter` allows, to 1, for the
            longest.
        """
        longest = LONGEST_WAIT if self.max_wait is None else self.max_wait
        wait = self._growing(attempt)
        low = min(wait, longest) * (1 - self.jitter)
        high = min(wait * (1 + self.jitter), longest)
        return min(low + chance * (high - low), high)

    def is_for(self, kinds: Collection[str]) -> bool:
        """Tell whether an error is one after which a job is tried again.

        :param kinds: the names of all classes of its MRO: ``builtins.ValueError``.
        """
        return not _names(self.on).isdisjoint(kinds)

    def _growing(self, attempt: int) -> float:
        if not self.wait:
            return 0.0

        try:
            return self.wait * float(self.factor) ** (attempt - 2)
        except OverflowError:
            return math.inf


def as_retry(value: Retry | int | None) -> Retry | None:
    """Make a Retry of a number of attempts; anything else stays what it is."""
    given: Any = value
    return Retry(given) if type(given) is int else given


def to_table(retry: Retry) -> dict[str, object]:
    """Return what a TOML file says of it: attempts, and what is not as by default."""
    default = Retry()
    table: dict[str, object] = {"attempts": retry.attempts}
    for name in ("wait", "factor", "max_wait", "jitter"):
        if getattr(retry, name) != getattr(default, name):
            table[name] = getattr(retry, name)

    if _names(retry.on) != _names(default.on):
        from asyncflow.config.checks.exception_names import spelled

        table["on"] = [spelled(kind) for kind in retry.on]

    return table
