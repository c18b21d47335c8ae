"""Whether a job that failed is tried again, and when."""

from __future__ import annotations

from asyncflow.abc import Crashed, Outcome, Raised
from asyncflow.entities.job import Job
from asyncflow.scheduler._flight import CRASHES
from asyncflow.worker.trip import kinds_of

_TIMEOUT = kinds_of(TimeoutError())


def wait_before_next(job: Job, outcome: Outcome, chance: float) -> float | None:
    """Return how many seconds to wait before the next attempt; None for no attempt.

    A crash of the worker has a budget of its own; what was killed for its limit of time
    counts as a `TimeoutError`.

    :param chance: from 0 to 1, for the jitter
    """
    config = job.task.config
    crashes = sum(one.reason.startswith(CRASHES) for one in job.attempts)

    if isinstance(outcome, Crashed):
        again = config.on_restart != "fail" and crashes < config.crash_retries
        return 0.0 if again else None

    retry = config.retry
    kinds = outcome.kinds if isinstance(outcome, Raised) else _TIMEOUT
    failures = len(job.attempts) - crashes + 1

    if retry is None or failures >= retry.attempts or not retry.is_for(kinds):
        return None

    return retry.wait_before(failures + 1, chance)
