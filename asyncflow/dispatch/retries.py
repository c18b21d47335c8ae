"""Whether a job that failed is tried again, and when."""

from __future__ import annotations

from asyncflow.abc import Outcome, Raised
from asyncflow.config.sections import TaskConfig
from asyncflow.runs.attempts import crashes_of
from asyncflow.runs.job import JobState
from asyncflow.status import CRASHES, AttemptKind
from asyncflow.worker.failure import kinds_of

_TIMEOUT = kinds_of(TimeoutError())


def wait_before_next(
    config: TaskConfig,
    job: JobState,
    kind: AttemptKind,
    outcome: Outcome,
    chance: float,
) -> float | None:
    """Return how many seconds to wait before the next attempt; None for no attempt.

    Crashes have a budget of their own; what was killed for its limit of time counts as
    a `TimeoutError`.

    :param config: that of its task
    :param kind: how the attempt failed
    :param chance: from 0 to 1, for the jitter
    """
    if kind in CRASHES:
        return 0.0 if has_budget(config, job) else None

    retry = config.retry
    kinds = outcome.kinds if isinstance(outcome, Raised) else _TIMEOUT
    failures = job.attempt - crashes_of(job.attempts)

    if retry is None or failures >= retry.attempts or not retry.is_for(kinds):
        return None

    return retry.wait_before(failures + 1, chance)


def has_budget(config: TaskConfig, job: JobState) -> bool:
    """Tell whether a job that has crashed once more may be tried again."""
    return (
        config.on_restart != "fail" and crashes_of(job.attempts) < config.crash_retries
    )
