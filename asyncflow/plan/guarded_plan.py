"""The plan, with a guard: an error in it is told at once, as nothing can go on then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from asyncflow.plan.plan import Plan

EVENTS = (
    "completed",
    "ended",
    "canceled",
    "canceled_job",
    "admitted",
    "returned",
    "postponed",
    "due",
)
"""What changes the plan, but for what is called for each job, and for what has a guard
where it is called: new runs in the scheduler, offers in the slots.
"""


@attrs.define(eq=False, repr=False, kw_only=True)
class GuardedPlan(Plan):
    """The state of all runs.

    :param on_failure: is told of an error of the plan, before that is raised
    """

    on_failure: Callable[[Exception], object]


def _guarded(name: str) -> Callable[..., Any]:
    def event(self: GuardedPlan, *args: Any, **kwargs: Any) -> Any:
        try:
            return getattr(Plan, name)(self, *args, **kwargs)
        except Exception as error:
            self.on_failure(error)
            raise

    return event


for _name in EVENTS:
    setattr(GuardedPlan, _name, _guarded(_name))
