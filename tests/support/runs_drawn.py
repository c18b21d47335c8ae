"""Runs to be drawn."""

from __future__ import annotations

import random

from asyncflow.display.timeline import JobTimes
from asyncflow.status import Status
from tests.support.pictures import HOSTILE

BEGIN = 1_790_000_000.0


def random_jobs(
    count: int, seed: int, *, pause: float = 0.0
) -> tuple[list[JobTimes], list[list[int]], float]:
    """Make the jobs of a run on two workers: also those they need, and its end.

    :param pause: how many seconds nothing runs in its middle
    """
    numbers = random.Random(seed)
    free, jobs, needs = [BEGIN, BEGIN], [], []
    ends: list[float] = []

    for place in range(count):
        needed = sorted({numbers.randrange(place) for _ in range(place and 2)})
        ready = max([BEGIN, *(ends[at] for at in needed)])
        worker = free.index(min(free))
        begin = max(ready, free[worker]) + (pause if place == count // 2 else 0)
        tries = ((begin, begin + 0.3),) if place % 9 == 4 else ()
        started = begin + 1 if tries else begin
        took = numbers.expovariate(0.5)
        is_skipped = place % 7 == 3
        end = ready if is_skipped else started + took
        status = numbers.choice([Status.COMPLETED, Status.COMPLETED, Status.FAILED])
        jobs.append(
            JobTimes(
                name=HOSTILE[place % 7] if not place % 5 else f"task number {place}",
                status=Status.SKIPPED if is_skipped else status,
                reason="it raised <b>" if status is Status.FAILED else "",
                like=f"kind {place % 4}",
                started=None if is_skipped else started,
                worked=took * 0.9,
                finished=end,
                tries=() if is_skipped else tries,
            )
        )
        free[worker] = max(free[worker], end)
        ends.append(end)
        needs.append(needed)

    return jobs, needs, max(ends, default=BEGIN)
