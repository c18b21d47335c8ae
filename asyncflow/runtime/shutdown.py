"""Shutdown: how the runs of an orchestrator end that is interrupted."""

from __future__ import annotations

from anyio import move_on_after

from asyncflow.dispatch.scheduler import Scheduler
from asyncflow.log import logger as _logger
from asyncflow.log import named

REASON = "the orchestrator was interrupted"


def leave(scheduler: Scheduler) -> None:
    """Ask for the end of all runs, as the orchestrator is left; say which these are.

    Those that were adopted, or are paused, go on elsewhere.
    """
    left = [
        run
        for run in scheduler.runs.all()
        if run.ending.reason is None and not run.is_finished
    ]

    if scheduler.runs.is_durable and (paused := [r for r in left if r.is_paused]):
        left = [run for run in left if not run.is_paused]
        _logger.warning(
            "leaving the orchestrator leaves %d paused run%s in the store (%s): the next "
            "start takes %s over, still paused",
            *(len(paused), "" if len(paused) == 1 else "s"),
            *(named([run.id for run in paused]), "it" if len(paused) == 1 else "them"),
        )

    ended = [run.id for run in left if not run.is_adopted]
    adopted = [run.id for run in left if run.is_adopted]

    if count := len(adopted):
        _logger.warning(
            "leaving the orchestrator interrupts %d run%s that it has taken over (%s): "
            "another process, or the next start, goes on with %s; `await "
            "orchestrator.drain()` waits for %s",
            *(count, "" if count == 1 else "s", named(adopted)),
            *["it" if count == 1 else "them"] * 2,
        )

    if count := len(ended):
        _logger.warning(
            "leaving the orchestrator cancels %d run%s that %s not ended (%s): await "
            "what you submit, or `await orchestrator.drain()`, before you leave",
            *(count, "" if count == 1 else "s", "has" if count == 1 else "have"),
            named(ended),
        )

    scheduler.stop("the orchestrator was closed")


async def interrupt(scheduler: Scheduler, grace: float) -> None:
    """Start no job any more, let those end that run, and ask for the end of the rest.

    In a store that outlives the process, runs that have not ended go on elsewhere.

    :param grace: how long what runs may take, in seconds
    """
    scheduler.in_flight.hold()

    if grace:
        if count := scheduler.in_flight.running:
            _logger.warning(
                "asyncflow is draining %d running job%s for up to %g s: Ctrl-C again "
                "kills %s",
                *(count, "" if count == 1 else "s", grace),
                "it" if count == 1 else "them",
            )

        with move_on_after(grace):
            await scheduler.in_flight.until_idle()

    left = [run.id for run in scheduler.runs.all() if run.ending.reason is None]
    scheduler.stop(REASON, leave=True)

    if scheduler.runs.is_durable and (count := len(left)):
        _logger.warning(
            "%d unfinished run%s %s kept in the store (%s): the next start goes on with "
            "%s, unless `Orchestrator(adopt=False)` leaves %s",
            *(count, "" if count == 1 else "s", "is" if count == 1 else "are"),
            *(named(left), *["it" if count == 1 else "them"] * 2),
        )
