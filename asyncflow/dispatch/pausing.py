"""Runs that are paused: what runs of them goes on, and nothing of them starts."""

from __future__ import annotations

import time

from asyncflow.abc import Store
from asyncflow.dispatch.in_flight import InFlight
from asyncflow.dispatch.runs import Runs
from asyncflow.dispatch.slots import Slots
from asyncflow.entities.submission import Run
from asyncflow.plan.plan import Plan


class Pauses:
    """Pauses runs, and has them go on."""

    def __init__(
        self, plan: Plan, runs: Runs, store: Store, in_flight: InFlight, slots: Slots
    ) -> None:
        self.plan = plan
        self.runs = runs
        self.store = store
        self.in_flight = in_flight
        self.slots = slots

    def set(self, run: Run, *, is_paused: bool) -> None:
        """Have no job of a run start, or have them start again. A run that has ended, or is
        not driven here, stays what it is.
        """
        number = self.runs.number(run)

        if number is None or run.is_paused is is_paused:
            return

        run.is_paused = is_paused
        self.runs.look_at(number)

        if is_paused:
            self.plan.paused(number)
            self.in_flight.recall(number)
        else:
            self.plan.resumed(number, time.monotonic())

        self.store.save(run.record())
        self.slots.fill()
