"""A run that is watched on a terminal."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterable

from anyio import to_thread

from asyncflow.display.progress import shown_on, told
from asyncflow.events import Event


async def show(events: AsyncIterable[Event], title: str, total: int) -> None:
    """Show on stderr how far a run has come, until it has ended.

    Where stderr is no terminal it returns at once. On cancel only the watching ends.

    :param events: of the run, from the first to the last
    :param title: what it is called
    :param total: how many jobs it has
    """
    stream = sys.stderr

    if stream is None or not stream.isatty():
        return

    progress = await to_thread.run_sync(shown_on, stream, title, total)

    try:
        async for event in events:
            told(progress, event)
    finally:
        progress.close()
