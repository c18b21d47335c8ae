"""Blocking forms of async verbs, made from these: nothing of them can differ."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from asyncflow.orchestrator import Orchestrator as AsyncOrchestrator
from asyncflow.sync.loop import Loop

P = ParamSpec("P")
R = TypeVar("R")


class Opened(Protocol):
    """What has such verbs."""

    @property
    def loop(self) -> Loop:
        """The event loop that they run on."""


Owner = TypeVar("Owner", bound=Opened)


def blocking(
    verb: Callable[Concatenate[AsyncOrchestrator, P], Coroutine[Any, Any, R]],
) -> Callable[[Callable[[Owner], None]], Callable[Concatenate[Owner, P], R]]:
    """Make a verb the blocking form of an async one that takes and gives plain facts."""

    def call(self: Owner, /, *args: P.args, **given: P.kwargs) -> R:
        loop = self.loop
        bound: Callable[P, Coroutine[Any, Any, R]]
        bound = getattr(loop.orchestrator, verb.__name__)
        return loop.call(bound, *args, **given)

    functools.update_wrapper(call, verb)
    return lambda _: call
