"""How late the event loop is: a task that sleeps 1 ms and looks how long it took."""

from __future__ import annotations

import asyncio
import time
from types import TracebackType
from typing import NamedTuple, Self

PERIOD = 0.001


class Lag(NamedTuple):
    """What was seen, in seconds."""

    p50: float
    p99: float
    """Of the samples: what a task that sleeps again and again meets."""
    p99_by_time: float
    """Of the moments: what somebody meets who comes at any time. A stall of 100 ms is
    one sample, but who comes while it lasts meets it."""
    worst: float


class LagSampler:
    """Measures the lag of the running event loop while its block runs."""

    def __init__(self) -> None:
        self.samples: list[float] = []

    async def __aenter__(self) -> Self:
        self.task = asyncio.create_task(self._sample())
        await asyncio.sleep(0)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.task.cancel()
        await asyncio.wait({self.task})

    async def _sample(self) -> None:
        start = time.perf_counter()

        try:
            while True:
                start = time.perf_counter()
                await asyncio.sleep(PERIOD)
                self._note(start)
        finally:
            # A stall that lasts to the end counts too.
            self._note(start)

    def _note(self, start: float) -> None:
        self.samples.append(max(0.0, time.perf_counter() - start - PERIOD))

    def lag(self) -> Lag:
        """Sum up the samples, once the block is left."""
        samples = sorted(self.samples)
        moments = sorted(moment for sample in samples for moment in _moments(sample))
        return Lag(
            _quantile(samples, 0.5),
            _quantile(samples, 0.99),
            _quantile(moments, 0.99),
            samples[-1],
        )


async def idle_lag(seconds: float) -> Lag:
    """Measure the lag of a loop that has nothing to do: the sampler's own noise."""
    async with LagSampler() as sampler:
        await asyncio.sleep(seconds)

    return sampler.lag()


def _moments(sample: float) -> list[float]:
    """Return what those meet who come while a stall lasts, one each period."""
    return [sample - PERIOD * passed for passed in range(int(sample / PERIOD) + 1)]


def _quantile(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
