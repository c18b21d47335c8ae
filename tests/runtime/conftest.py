"""What the tests of signals share."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from asyncflow.runtime.signals import NUMBERS


@pytest.fixture
def noted() -> Iterator[list[int]]:
    """Have signals noted by a handler of the program's own, which must be back at last."""
    numbers: list[int] = []

    def note(number: int, _frame: object) -> None:
        numbers.append(number)

    before = {number: signal.signal(number, note) for number in NUMBERS}

    try:
        yield numbers
        assert [signal.getsignal(number) for number in NUMBERS] == [note, note]
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
