"""A handle in a notebook: shown at once, and again in the same place as more is known."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeAlias

from asyncflow.entities import rich
from asyncflow.errors import NotOpen

Start: TypeAlias = Callable[[Callable[[], Coroutine[Any, Any, None]]], object]
"""Has something run on an event loop."""

_shown: set[asyncio.Task[None]] = set()
"""What goes on: each ends with what it shows."""


class Display(Protocol):
    """A place in a notebook, as IPython gives it."""

    def update(self, obj: object, **options: Any) -> None: ...


def show(handle: object, shown: object, start: Start | None = None) -> object:
    """Show a handle in the notebook that runs; return what goes on with it, if anything.

    :param handle: what is asked for more
    :param shown: what `asyncflow.entities.rich` knows of it
    :param start: has that run on another event loop; None for the one of this thread
    :raises NotImplementedError: where no notebook runs, or there is nothing to show:
        IPython then writes its repr
    """
    first = rich.html_of(shown) if _is_notebook() else None

    if first is None:
        raise NotImplementedError

    from IPython import display

    text = repr(handle)
    place: Display = _display(display, _bundle(first, text))

    async def follow() -> None:
        try:
            async for page in rich.pages(handle, shown):
                place.update(_bundle(page, text), raw=True)
        except Exception as error:  # what is shown stays
            place.update(_bundle(rich.problem(first, error), text), raw=True)

    try:
        return (start or _start_here)(follow)
    except NotOpen as error:  # nothing more can be asked
        place.update(_bundle(rich.problem(first, error), text), raw=True)
        return None


def _display(ipython: Any, bundle: dict[str, str]) -> Display:
    place: Display = ipython.display(bundle, raw=True, display_id=True)
    return place


def _start_here(
    follow: Callable[[], Coroutine[Any, Any, None]],
) -> asyncio.Task[None] | None:
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:  # it stays as it is
        return None

    task = loop.create_task(follow(), name="asyncflow display")
    _shown.add(task)
    task.add_done_callback(_shown.discard)
    return task


def _is_notebook() -> bool:
    """Tell whether this process is the kernel of a notebook."""
    ipython = sys.modules.get("IPython")
    shell = ipython and ipython.get_ipython()
    return hasattr(shell, "kernel")


def _bundle(page: str, text: str) -> dict[str, str]:
    return {"text/html": page, "text/plain": text}
