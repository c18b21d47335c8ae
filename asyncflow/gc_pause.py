"""Pauses of the garbage collector: while modules are loaded, and while many jobs run."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import RLock
from typing import Any, Final

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


LONGEST = 10.0
"""For how many seconds in all full collections wait, until one that is due has its turn."""

NEVER = 1_000_000_000
"""How many collections of younger objects no program sees."""

OFTEN = 2
"""After how many collections of the youngest the next of middle age comes: with the same
work in all, each holds up an event loop for less."""

IS_IN_STEPS = sys.version_info >= (3, 14)
"""Whether the collector works in small steps by itself."""


class FullCollections:
    """Has the collections of all objects wait while jobs come by the hundred.

    With a million objects such a collection holds up an event loop for half a second, and
    many jobs make it due again and again. Collections of young objects go on, in smaller
    parts. The collector is that of the whole program: so one that is due has its turn after some
    seconds, and thresholds that somebody else has set meanwhile are left as they are.

    From Python 3.14 on the collector works in small steps, and this changes nothing.
    """

    def __init__(self) -> None:
        self._lock = RLock()  # a collection may begin in any line, and in any thread
        self._holders = 0
        self._before: tuple[int, int, int] | None = None
        """The thresholds as they were; None where none waits."""
        self._meanwhile: tuple[int, int, int] | None = None
        """The thresholds as they were set then."""
        self._since = 0.0
        self._waited = 0.0
        """For how long they have waited since one could last have its turn."""
        self._may_be_due = False
        """Whether the collection that goes on would be a full one, if one was due."""

    def put_off(self) -> None:
        """Have them wait until `let_go` was called as often as this."""
        with self._lock:
            self._holders += 1

            if self._holders == 1:
                gc.callbacks.append(self._take_note)

                if self._waited < LONGEST:
                    self._begin()

    def let_go(self) -> None:
        """Have them wait no longer for who has called `put_off`."""
        with self._lock:
            self._holders -= 1

            if not self._holders:
                gc.callbacks.remove(self._take_note)
                self._end()

    def switch(self, *, wait: bool) -> bool:
        """Do one or the other; return which."""
        if wait:
            self.put_off()
        else:
            self.let_go()

        return wait

    def _begin(self) -> None:
        young, middle, old = gc.get_threshold()
        self._before = young, middle, old
        self._may_be_due = False
        self._since = time.monotonic()
        middle = middle if IS_IN_STEPS else min(middle, OFTEN)
        self._meanwhile = young, middle, NEVER
        gc.set_threshold(*self._meanwhile)

    def _end(self) -> None:
        before, self._before = self._before, None

        if before is None:
            return

        self._waited += time.monotonic() - self._since

        if gc.get_threshold() == self._meanwhile:
            gc.set_threshold(*before)

    def _take_note(self, phase: str, _info: Mapping[str, Any]) -> None:
        """Let one that is due begin with the next collection, after the longest time."""
        with self._lock:
            if self._before is not None:
                if self._waited + time.monotonic() - self._since >= LONGEST:
                    self._end()
            elif phase == "start":
                self._may_be_due = True
            elif self._may_be_due:
                self._waited = 0.0
                self._begin()


full_collections: Final = FullCollections()
"""Those of this process."""
