"""Whether a job runs again, and when: after a failure, or as others have replaced its
inputs before they could be read.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Protocol

from asyncflow.abc import Executor, Outcome, Raised, Store
from asyncflow.config.sections import TaskConfig
from asyncflow.dispatch.attempt import Attempt, kind_of
from asyncflow.dispatch.pins import Pins
from asyncflow.dispatch.store_retry import retry_until_available
from asyncflow.log import logger as _logger
from asyncflow.plan.instructions import Ref
from asyncflow.plan.plan import Plan
from asyncflow.runs.job import JobState, crashes_of
from asyncflow.status import CRASHES, AttemptKind
from asyncflow.values.versions import Versions
from asyncflow.worker.errors import NoData, ValueMissing
from asyncflow.worker.failure import kinds_of

if TYPE_CHECKING:
    from asyncflow.dispatch.lost_values import LostValues
    from asyncflow.dispatch.runs import Runs

_TIMEOUT = kinds_of(TimeoutError())


MAX_GIVEN_BACK = 5
"""How often a job is given back as an input was replaced."""

_NO_DATA = f"{NoData.__module__}.{NoData.__qualname__}"
_MISSING = f"{ValueMissing.__module__}.{ValueMissing.__qualname__}"


class Retrier(Protocol):
    """Runs jobs again."""

    runs: Runs
    executors: Mapping[str, Executor]

    def due(self, ref: Ref) -> None:
        """Have the next attempt at a job begin as soon as it can."""


class Retries:
    """The jobs that run again, or wait for that.

    Another process cannot know who reads the versions that it drops: it leaves their
    files for a lease. A job that comes later reads the version that took their place.
    """

    def __init__(
        self, retrier: Retrier, plan: Plan, store: Store, versions: Versions, pins: Pins
    ) -> None:
        self.retrier = retrier
        self.plan = plan
        self.store = store
        self.versions = versions
        self.pins = pins
        self.clocks: dict[Ref, asyncio.TimerHandle] = {}
        """For each job that waits for its next attempt, when that is due."""
        self.given_back: dict[Ref, int] = {}
        """How often jobs were given back, as an input was replaced."""
        self._lost_values: LostValues | None = None

    def try_again(self, attempt: Attempt, outcome: Outcome, reason: str) -> bool:
        """Have a job that failed run again, if its task wants that; tell whether it does.

        :param reason: why it failed
        """
        if attempt.verdict is not None and attempt.limit is None:
            return False

        job = attempt.job
        kind = kind_of(outcome, attempt.limit)
        chance = random.random()  # noqa: S311
        wait = wait_before_next(attempt.task.config, job, kind, outcome, chance)

        if wait is None:
            return False

        job.try_again(time.time(), kind, reason)
        self.store.save(job.record(), *job.records_of_output())
        self.plan.postponed(attempt.ref)
        _logger.warning(
            "attempt %d at %s failed, and is followed by another%s: %s",
            *(job.attempts[-1].number, job.id),
            *(f" in {wait:.3g} s" if wait else "", reason),
        )

        if wait:
            loop = asyncio.get_running_loop()
            self.clocks[attempt.ref] = loop.call_later(wait, self._due, attempt.ref)
        else:
            self.retrier.due(attempt.ref)

        return True

    def may_be_replaced(self, attempt: Attempt, outcome: Outcome) -> bool:
        """Tell whether it is worth a look that an input of a job was replaced."""
        return (
            isinstance(outcome, Raised)
            and bool(attempt.read_versions)
            and attempt.verdict is None
            and _MISSING in outcome.kinds
            and self.given_back.get(attempt.ref, 0) < MAX_GIVEN_BACK
        )

    async def is_there(self, attempt: Attempt) -> bool:
        """See whether there is another version of an input of a job that was missing; where
        that was lost with its host, it is made again.

        :raises StoreFailed: where the store cannot be asked any more
        """
        if await self.is_replaced(attempt):
            return True

        is_held = any(node.driver.is_held for node in attempt.task.input.values())
        return is_held and await self._remaking().make_again(attempt)

    def kill(self, ref: Ref, *, now: bool) -> None:
        """Ask for the end of what is run to make an input of a job again."""
        if self._lost_values is not None:
            self._lost_values.kill(ref, now=now)

    def _remaking(self) -> LostValues:
        from asyncflow.dispatch.lost_values import LostValues

        if self._lost_values is None:
            engine = self.retrier
            where = self.store, engine.runs, self.versions, engine.executors
            self._lost_values = LostValues(*where)

        return self._lost_values

    async def is_replaced(self, attempt: Attempt) -> bool:
        """Look in the store whether it has other versions of the inputs of a job now.

        :raises StoreFailed: where it cannot be asked any more
        """
        inputs = list(attempt.task.input.values())
        await retry_until_available(partial(self.versions.stored.refresh, inputs))

        if attempt.run.pins:
            await retry_until_available(partial(self.pins.renew, attempt.run))

        self.given_back[attempt.ref] = self.given_back.get(attempt.ref, 0) + 1
        current = {id(node.version) for node in inputs}
        return any(id(version) not in current for version in attempt.read_versions)

    def forget(self, run: int) -> None:
        """Forget the jobs of a run that has ended."""
        for ref in [ref for ref in self.given_back if ref[0] == run]:
            del self.given_back[ref]

        for ref in [ref for ref in self.clocks if ref[0] == run]:
            self.clocks.pop(ref).cancel()

    def stop_all(self) -> None:
        """Have no attempt be due any more."""
        while self.clocks:
            self.clocks.popitem()[1].cancel()

    def _due(self, ref: Ref) -> None:
        del self.clocks[ref]
        self.retrier.due(ref)


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
    if kind is AttemptKind.HOST_LEFT:
        return 0.0 if config.on_restart != "fail" else None

    if kind in CRASHES:
        return 0.0 if has_budget(config, job) else None

    retry = config.retry
    kinds = outcome.kinds if isinstance(outcome, Raised) else _TIMEOUT
    left = sum(attempt.kind is AttemptKind.HOST_LEFT for attempt in job.attempts)
    failures = job.attempt - crashes_of(job.attempts) - left

    if retry is None or failures >= retry.attempts or not retry.is_for(kinds):
        return None

    if _NO_DATA in kinds:  # it has not started, and would not
        return None

    return retry.wait_before(failures + 1, chance)


def has_budget(config: TaskConfig, job: JobState) -> bool:
    """Tell whether a job that has crashed once more may be tried again."""
    return (
        config.on_restart != "fail" and crashes_of(job.attempts) < config.crash_retries
    )
