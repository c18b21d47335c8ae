"""The plan, with a guard: an error in it is told at once, as nothing can go on then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from asyncflow.plan.plan import Plan
from asyncflow.plan.queues import NO_NEEDS, Needs

EVENTS = (
    "completed",
    "ended",
    "canceled",
    "canceled_job",
    "admitted",
    "returned",
    "postponed",
    "paused",
    "resumed",
    "due",
)
"""What changes the plan, but for what is called for each job, and for what has a guard
where it is called: new runs in the scheduler, offers in the slots.
"""


class Guard(Protocol):
    """What ends everything, where nothing can go on."""

    def fail(self, error: Exception) -> None:
        """Take note of an error of the plan."""


class GuardedPlan(Plan):
    """The state of all runs.

    :param guard: hears of an error of the plan, before that is raised
    """

    def __init__(self, resources: Needs = NO_NEEDS, *, guard: Guard) -> None:
        super().__init__(resources)
        self.guard = guard


def _guarded(name: str) -> Callable[..., Any]:
    def event(self: GuardedPlan, *args: Any, **kwargs: Any) -> Any:
        try:
            return getattr(Plan, name)(self, *args, **kwargs)
        except Exception as error:
            self.guard.fail(error)
            raise

    return event


for _name in EVENTS:
    setattr(GuardedPlan, _name, _guarded(_name))
