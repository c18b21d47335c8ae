"""A run that is watched on a terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from anyio import to_thread

from asyncflow.display.progress import shown_on, told

if TYPE_CHECKING:
    from asyncflow.entities.submission import Submission


async def show(submission: Submission) -> None:
    """Show on stderr how far a run has come, until it has ended.

    Where stderr is no terminal it returns at once. On cancel only the watching ends.
    """
    stream = sys.stderr

    if stream is None or not stream.isatty():
        return

    title = submission.entity_id.partition("_")[2].rpartition("_")[0]
    progress = await to_thread.run_sync(
        shown_on, stream, title or submission.id, len(submission.jobs)
    )

    try:
        async for event in submission:
            told(progress, event)
    finally:
        progress.close()
