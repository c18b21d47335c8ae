"""The search: one trial after the other, until a promise is broken or time is up."""

from __future__ import annotations

import gc
import logging
import os
import sys
import time

import attrs

from asyncflow.testing.simulation.drawing import drawn
from asyncflow.testing.simulation.play import Outcome, played
from asyncflow.testing.simulation.shrinking import kind_of, shrunk
from asyncflow.testing.simulation.themes import THEMES
from asyncflow.testing.simulation.trial import Trial

SHRINKS = 30.0
"""How long a trial that breaks a promise is made smaller, in seconds."""

CLEANS = 25
"""After how many trials memory is cleaned up."""

TOLD = 30
"""How many of the last lines of a trace are printed."""


@attrs.define(eq=False)
class Search:
    """Plays trials.

    :param seconds: for how long fresh ones are played; 0 for no limit of time
    :param seeds: how many fresh ones at most; 0 for no limit of their number
    :param trace: whether to print what happens in each
    :param goes_on: whether to go on after a broken promise
    :param shrinks: whether to make a trial smaller that has broken one
    """

    seconds: float = 0.0
    seeds: int = 0
    trace: bool = False
    goes_on: bool = False
    shrinks: bool = True
    failures: list[Outcome] = attrs.field(init=False, factory=list)
    count: int = attrs.field(init=False, default=0)
    _began: float = attrs.field(init=False, factory=time.monotonic)
    _simulated: float = attrs.field(init=False, default=0.0)

    def __attrs_post_init__(self) -> None:
        logger = logging.getLogger("asyncflow")
        logger.addHandler(logging.NullHandler())  # also for what memory still holds
        logger.propagate = False

    def play(self, seed: str) -> None:
        """Play the trial of a seed; tell what it broke."""
        outcome = self._played(drawn(seed))

        if self.trace:
            _print(*outcome.trace, sep="\n")

        _print(f"seed {seed}: {len(outcome.violations)} broken, {outcome.digest}")

        if outcome.violations:
            self._fails(outcome)

    def play_fresh(self) -> None:
        """Play fresh trials, each with a seed that nobody has seen."""
        while not self._is_over() and (self.goes_on or not self.failures):
            outcome = self._played(drawn(_fresh_seed(self.count)))

            if outcome.violations:
                self._fails(outcome)

    def tell(self) -> None:
        """Say how much was played."""
        took = time.monotonic() - self._began
        _print(
            f"{self.count} trials in {took:.0f} s ({self.count / max(took, 1e-9):.1f} a "
            f"second, {self._simulated / 3600:.1f} simulated hours): "
            f"{len(self.failures)} broke a promise"
        )

    def _is_over(self) -> bool:
        if self.seeds and self.count >= self.seeds:
            return True

        return bool(self.seconds) and time.monotonic() - self._began > self.seconds

    def _played(self, trial: Trial) -> Outcome:
        self.count += 1
        gc.disable()
        outcome = played(trial, cleans=self.count % CLEANS == 0)
        self._simulated += outcome.elapsed
        return outcome

    def _fails(self, outcome: Outcome) -> None:
        self.failures.append(outcome)
        _print(f"seed {outcome.trial.seed} breaks a promise, each time:")
        _print(*(f"  {text[:500]}" for text in outcome.violations[:5]), sep="\n")

        if self.shrinks:
            self._shrink(outcome)

        _print(
            "replay it: python -m asyncflow.testing.simulation --trace --seed "
            f"{outcome.trial.seed}"
        )
        sys.stdout.flush()

    def _shrink(self, outcome: Outcome) -> None:
        wanted, until = kind_of(outcome.violations[0]), time.monotonic() + SHRINKS
        smallest = outcome

        def breaks(trial: Trial) -> bool:
            nonlocal smallest
            found = played(trial, cleans=False)
            is_broken = wanted in map(kind_of, found.violations)
            smallest = found if is_broken else smallest
            return is_broken

        trial = shrunk(outcome.trial, breaks, lambda: time.monotonic() > until)
        _print(
            f"  in a smaller trial, with these last lines of its trace:\n{shown(trial)}"
        )
        _print(*(f"    {line[:200]}" for line in smallest.trace[-TOLD:]), sep="\n")


def _fresh_seed(count: int) -> str:
    """Return a seed that nobody has seen; every second one has a theme."""
    number = int.from_bytes(os.urandom(5), "big")
    themes = list(THEMES)
    return str(number) if count % 2 else f"{number}-{themes[count // 2 % len(themes)]}"


def _print(*lines: object, sep: str = "\n") -> None:
    sys.stdout.write(f"{sep.join(map(str, lines))}\n")


def shown(trial: Trial) -> str:
    """Show a trial: what is in it, a line each."""
    lines = [f"processes on {', '.join(trial.hosts)}, {trial.workers} workers each"]

    for flow in trial.flows:
        lines += [
            f"{task.name}: {', '.join(task.inputs)} -> {', '.join(task.outputs)} "
            f"{task.options or ''}"
            for task in flow.tasks
        ]

    lines += [
        f"{act.at:g} s: process {act.process} {act.verb} {act.subject} "
        f"{act.options or ''}"
        for act in trial.acts
    ]
    lines += [
        f"{fault.at:g} s: {fault.kind} of process {fault.process} ({fault.amount:g})"
        for fault in trial.faults
    ]
    return "\n".join(f"    {line.rstrip()}" for line in lines)
