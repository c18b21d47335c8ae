"""How fast functions are, as far as that has shown: what is short travels together."""

from __future__ import annotations

from collections import OrderedDict

import attrs

SHORT = 0.0025
"""Up to how many seconds a job takes that travels with others."""

TOGETHER = 0.005
"""How many seconds jobs may take together that travel together."""

REMEMBERED = 4096
"""Of how many functions the pace is remembered."""


@attrs.define(eq=False, repr=False)
class Pace:
    """How long the jobs of one function take: a running estimate."""

    code: bytes = b""
    """The function as it travels: the same object for each task that has it."""
    seconds: float | None = None
    """None where nobody knows yet."""

    @property
    def is_short(self) -> bool:
        """Whether its jobs are known to be short."""
        return self.seconds is not None and self.seconds <= SHORT

    def took(self, seconds: float) -> None:
        """Take note of a job: a long one weighs more than a short one."""
        last = self.seconds

        if last is None:
            self.seconds = seconds
        else:
            self.seconds = last + (seconds - last) * (0.5 if seconds > last else 0.1)


@attrs.define(eq=False, repr=False)
class Paces:
    """The paces of functions, by what they are when they travel."""

    _known: OrderedDict[bytes, Pace] = attrs.field(init=False, factory=OrderedDict)

    def of(self, code: bytes) -> Pace:
        """Return the pace of a function: the same for every task that has it."""
        pace = self._known.get(code)

        if pace is None:
            pace = self._known[code] = Pace(code)

            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)

        return pace
