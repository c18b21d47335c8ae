"""Admission: the jobs of new runs are taken in by turns with all else on the loop."""

from __future__ import annotations

import asyncio
from typing import Protocol

import attrs
from anyio.lowlevel import checkpoint

from asyncflow.plan.guarded_plan import GuardedPlan
from asyncflow.task_group import Tasks

AT_ONCE = 100
"""How many jobs of new runs are taken in before others have their turn: half a ms."""


class Admitter(Protocol):
    """What lets jobs of new runs in."""

    def admit(self, count: int) -> None:
        """Have the plan admit so many jobs, and start what can run."""


@attrs.define(eq=False, repr=False)
class Admission:
    """Takes in what arrives."""

    plan: GuardedPlan
    group: Tasks
    admitter: Admitter
    _is_running: bool = attrs.field(init=False, default=False)
    """Whether a task takes in the rest of large runs."""
    _this_turn: int = attrs.field(init=False, default=0)
    """How many jobs were taken in since others had their turn on the event loop."""

    @property
    def share(self) -> int:
        """How many jobs of the next run are taken in with it; 0 for none."""
        return 0 if self._is_running or self._this_turn >= AT_ONCE else AT_ONCE

    def took(self, count: int) -> None:
        """Take note of a run that the plan knows, and take in the rest in turns.

        :param count: how many jobs it has
        """
        if self._is_running:
            return

        if not self._this_turn:
            asyncio.get_running_loop().call_soon(self._end_turn)

        self._this_turn += count

        if self.plan.has_arrivals:
            self._is_running = True
            self.group.start_soon(self._go_on, on_error=self.group.fail)

    def _end_turn(self) -> None:
        self._this_turn = 0

    async def _go_on(self) -> None:
        while self.plan.has_arrivals:
            await checkpoint()
            self.admitter.admit(AT_ONCE)

        self._is_running = False
