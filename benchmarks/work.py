"""What the jobs do: the same functions for every walker.

Workers import this module, so it imports nothing heavy.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MODULUS = 1_000_003


def step(number: int) -> int:
    """Do next to nothing, in a way that shows whether it was done."""
    return number + 1


def combine(*numbers: int) -> int:
    """Make a number that depends on each of several and on their order."""
    value = 7

    for number in numbers:
        value = (value * 31 + number) % MODULUS

    return value


def nap(seconds: float) -> float:
    """Keep a worker, so that another job needs another one."""
    time.sleep(seconds)
    return seconds


def burn(seconds: float) -> float:
    """Use so much CPU time of this thread, whatever else the machine does."""
    end = time.thread_time() + seconds

    while time.thread_time() < end:
        pass

    return seconds


def make_array(length: int) -> NDArray[np.float64]:
    """Make an array of 8 bytes an element."""
    import numpy as np

    return np.ones(length)


def total(array: NDArray[Any]) -> float:
    """Read every element of an array."""
    return float(array.sum())
