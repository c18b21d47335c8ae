"""Who calls a blocking verb on the thread of an event loop, which stands still meanwhile."""

from __future__ import annotations

import asyncio.events
import inspect
import os
import sys
from types import FrameType

_FACE = __name__.rpartition(".")[0]
_OURS = __name__.partition(".")[0]
_KERNELS = ("IPython", "ipykernel", "marimo")
"""Their loops run cells and callbacks of widgets, which may block."""
_AT_THE_END = ("stop", "__exit__")
"""A lifespan calls these when no request is served any more."""
_CALLBACK = asyncio.events.Handle._run.__code__


def holder() -> str | None:
    """Return which verb holds up the event loop of this thread, and where.

    A cell of a notebook, a prompt and a module that is imported may run on a loop too,
    but are meant to block: there a module is nearer to the verb than any coroutine. None
    is for these, and for what cannot be told.
    """
    verb, caller = _verb(sys._getframe(1))
    frame = caller

    while frame is not None and caller is not None and verb not in _AT_THE_END:
        if frame.f_code.co_name == "<module>":
            return None

        if (coroutine := _is_coroutine(frame)) or frame.f_code is _CALLBACK:
            file = os.path.basename(caller.f_code.co_filename)
            holder = frame.f_code.co_qualname if coroutine else "a callback of the loop"
            place = f"{verb}() at {file}:{caller.f_lineno}, in {holder}"
            return None if _is_in(frame, _KERNELS) else place

        frame = frame.f_back

    return None


def _verb(frame: FrameType | None) -> tuple[str, FrameType | None]:
    """Return the verb's name, and the frame that calls it."""
    name = ""

    while frame is not None and _is_in(frame, (_OURS,)):
        name = frame.f_code.co_name if _is_in(frame, (_FACE,)) else name
        frame = frame.f_back

    return name, frame


def _is_in(frame: FrameType, packages: tuple[str, ...]) -> bool:
    module = str(frame.f_globals.get("__name__"))
    return any(module == name or module.startswith(f"{name}.") for name in packages)


def _is_coroutine(frame: FrameType) -> bool:
    return bool(frame.f_code.co_flags & inspect.CO_COROUTINE)
