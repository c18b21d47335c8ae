"""Callbacks of the blocking face."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from asyncflow.sync.forwarding import wrap
from asyncflow.sync.loop import Loop


@attrs.frozen(repr=False)
class Callback:
    """A function that is called with blocking handles."""

    function: Callable[..., object]
    _loop: Loop

    def __attrs_post_init__(self) -> None:
        if not callable(self.function):
            raise TypeError(f"a callback is a function; got {self.function!r}")

    def __repr__(self) -> str:
        return getattr(self.function, "__qualname__", None) or repr(self.function)

    def __call__(self, *given: Any) -> object:
        """Call it; the last of what it is given are async handles."""
        return self.function(*(wrap(value, self._loop) for value in given))
