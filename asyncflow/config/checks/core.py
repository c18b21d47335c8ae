"""What is kept of runs that have finished, and what can be wrong with that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from asyncflow.config.checks.numbers import MAX_COUNT, Number
from asyncflow.config.sections import CoreConfig
from asyncflow.errors import Problem

DAYS = Number(
    maximum=36_500, optional=True, remedy="give days, or None to keep them all"
)

NUMBERS: Mapping[str, Number] = {
    "keep_days": DAYS,
    "keep_submissions": Number(
        maximum=1000 * MAX_COUNT,
        whole=True,
        optional=True,
        remedy="give one, or None to keep them all",
    ),
    "keep_log_days": DAYS,
}


def problems(core: CoreConfig) -> Iterator[Problem]:
    """Yield what is wrong with the core section, free properties aside."""
    for field, number in NUMBERS.items():
        yield from number.problems("CORE", field, getattr(core, field))
