"""How fast functions are, as far as that has shown: what is short shares a batch."""

from __future__ import annotations

from collections import OrderedDict
from typing import TypeAlias

import attrs

MAX_SHORT = 0.0025
"""Up to how many seconds a job takes that shares a batch."""

MAX_BATCH = 0.005
"""How many seconds the jobs of one batch may take together."""

REMEMBERED = 4096
"""Of how many functions the duration is remembered."""

REMEMBERED_BYTES = 16 * 1024 * 1024
"""How many bytes the functions that are remembered may have together."""

_Digest: TypeAlias = tuple[int, int]
"""The size of a function as it is sent, and its hash: enough for an estimate."""


@attrs.define(eq=False, repr=False)
class DurationEstimate:
    """How long the jobs of one function take: a running estimate."""

    seconds: float | None = None
    """None where nobody knows yet."""
    is_short: bool = attrs.field(init=False, default=False)
    """Whether its jobs are known to be short."""

    def __attrs_post_init__(self) -> None:
        self.is_short = self.seconds is not None and self.seconds <= MAX_SHORT

    def add(self, seconds: float) -> None:
        """Take note of a job: a long one weighs more than a short one."""
        last = self.seconds

        if last is not None:
            seconds = last + (seconds - last) * (0.5 if seconds > last else 0.1)

        self.seconds = seconds
        self.is_short = seconds <= MAX_SHORT


@attrs.define(eq=False, repr=False)
class DurationEstimates:
    """How long functions take, by what they are when they are sent.

    A function may carry the globals that it uses, so the functions themselves are
    bounded by their size.
    """

    _known: OrderedDict[_Digest, DurationEstimate] = attrs.field(
        init=False, factory=OrderedDict
    )
    _codes: OrderedDict[_Digest, bytes] = attrs.field(init=False, factory=OrderedDict)
    _size: int = attrs.field(init=False, default=0)
    """The size of all that is in `_codes`, in bytes."""

    def of(self, code: bytes) -> tuple[DurationEstimate, bytes]:
        """Return the duration of a function, and the function as it is sent.

        Both are the same objects for every task that has it, as far as it is
        remembered.
        """
        digest = len(code), hash(code)
        duration = self._known.get(digest)

        if duration is None:
            duration = self._known[digest] = DurationEstimate()

            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)

        return duration, self._shared(digest, code)

    def _shared(self, digest: _Digest, code: bytes) -> bytes:
        known = self._codes.get(digest)

        if known == code:
            self._codes.move_to_end(digest)
            return known

        if known is None and len(code) <= REMEMBERED_BYTES:
            self._codes[digest] = code
            self._size += len(code)

        while self._size > REMEMBERED_BYTES:
            _, oldest = self._codes.popitem(last=False)
            self._size -= len(oldest)

        return code
