"""Chance: all of it comes from one seed, and each part from a name of its own."""

from __future__ import annotations

import random
from collections import Counter

import attrs


@attrs.define(eq=False)
class Chance:
    """Draws that do not disturb each other: what is left out changes no other draw.

    :param seed: what all of them follow from
    """

    seed: str
    _counts: Counter[str] = attrs.field(init=False, factory=Counter[str])
    _system: random.Random = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._system = random.Random(f"{self.seed} system")  # noqa: S311  # replayed

    def of(self, *names: object) -> random.Random:
        """Return the generator of a name: the same each time."""
        text = " ".join([self.seed, *map(str, names)])
        return random.Random(text)  # noqa: S311  # it has to be the same each time

    def next(self, *names: object) -> random.Random:
        """Return another generator each time that the same name asks."""
        key = " ".join(map(str, names))
        self._counts[key] += 1
        return self.of(key, self._counts[key])

    def bytes(self, count: int) -> bytes:
        """Return what stands for the random bytes of the system."""
        return self._system.randbytes(count)

    def random(self) -> float:
        """Return what stands for `random.random`."""
        return self._system.random()
