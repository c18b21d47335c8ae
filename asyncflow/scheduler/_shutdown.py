"""Shutdown: how the runs of an orchestrator end that is interrupted."""

from __future__ import annotations

import logging

from anyio import move_on_after, to_thread

from asyncflow.scheduler._walk import Walk

_logger = logging.getLogger("asyncflow")

REASON = "the orchestrator was interrupted"


async def interrupt(walk: Walk, grace: float) -> None:
    """Start no job any more, let those end that run, and ask for the end of the rest.

    In a store that outlives the process, runs that have not ended go on elsewhere.

    :param grace: how long what runs may take, in seconds
    """
    walk.hold()

    if grace:
        if count := walk.running:
            walk.group.start_soon(_tell, count, grace)

        with move_on_after(grace):
            await walk.landed()

    walk.stop(REASON, leave=True)


async def _tell(count: int, grace: float) -> None:
    await to_thread.run_sync(
        _logger.warning,
        "asyncflow is draining %d running job%s for up to %g s: Ctrl-C again kills %s",
        *(count, "" if count == 1 else "s", grace, "it" if count == 1 else "them"),
    )
