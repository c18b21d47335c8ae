"""A pause of the garbage collector while modules are loaded."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

FEW = 1000
"""Python 3.12 begins with some hundred frozen objects; a program freezes thousands."""

_has_frozen: bool = False
"""Whether this program has frozen objects: to count a million takes 0.1 s."""


@contextmanager
def pause_gc() -> Iterator[None]:
    """Collect no garbage meanwhile, where that is not off already.

    What modules make stays. To look through it for cycles that are garbage takes a tenth
    of the time of loading them: so it counts as old from the beginning.
    """
    global _has_frozen

    if not gc.isenabled():
        yield
        return

    gc.disable()

    try:
        yield
    finally:
        _has_frozen = _has_frozen or gc.get_freeze_count() >= FEW

        if not _has_frozen:  # what the program froze stays frozen
            gc.freeze()  # moves all to the oldest generation, with the next line
            gc.unfreeze()

        gc.enable()
