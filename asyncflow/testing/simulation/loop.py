"""The event loop of a simulation: one thread, and a clock that jumps."""

from __future__ import annotations

import asyncio
import asyncio.base_events
from collections.abc import Callable, Coroutine, Iterator
from contextvars import Context, copy_context
from itertools import count
from typing import Any

from asyncflow.testing.simulation.process import Process, current

LATEST = 10_000_000.0
"""After how many simulated seconds a trial is given up."""


class Stuck(Exception):
    """Nothing can ever happen any more, or there is no end of what happens."""


class SimulatedTask(asyncio.Task[Any]):
    """A task that sets hold in the same order each time."""

    def __init__(
        self,
        coro: Coroutine[Any, Any, Any],
        number: int,
        context: Context | None = None,
        **how: Any,
    ) -> None:
        context = copy_context() if context is None else context
        self._number = number
        self.process: Process | None = context.get(current)
        super().__init__(coro, context=context, **how)

    def __hash__(self) -> int:
        return self._number


class _Handle(asyncio.Handle):
    """A callback that is not called once its process is dead."""

    __slots__ = ()

    def _run(self) -> None:
        _run(self)


class _TimerHandle(asyncio.TimerHandle):
    """The same, at a time."""

    __slots__ = ()

    def _run(self) -> None:
        _run(self)


def _run(handle: Any) -> None:
    """Call what a handle holds, if its process goes on."""
    process: Process | None = handle._context.get(current)

    if process is None or process.is_running:
        asyncio.Handle._run(handle)
    elif process.is_alive:
        handle._loop.hold(process, handle)


class SimulatedLoop(asyncio.base_events.BaseEventLoop):
    """Runs what is ready; where nothing is, its clock jumps to the next timer.

    :param start: what its clock shows at first, in seconds
    :param max_steps: after how many callbacks a trial is given up
    """

    def __init__(self, start: float, max_steps: int) -> None:
        super().__init__()
        self.now = start
        self.steps: int = 0
        self.max_steps = max_steps
        self.problems: list[str] = []
        """What was raised where nobody takes it."""
        self._held: list[tuple[Process, asyncio.Handle]] = []
        self._tasks = count(1)
        self._selector = _Clock(self)
        self._clock_resolution = 1e-9
        self.set_task_factory(self._make_task)  # type: ignore[arg-type]  # as asyncio calls it
        self.set_exception_handler(self._take_problem)

    def time(self) -> float:
        return self.now

    def call_soon(  # type: ignore[override]  # its arguments are any
        self,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> asyncio.Handle:
        handle = _Handle(callback, args, self, context or copy_context())
        self._ready.append(handle)  # type: ignore[attr-defined]  # of asyncio
        self.steps += 1

        return handle

    def call_soon_threadsafe(  # type: ignore[override]  # the same
        self,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> asyncio.Handle:
        return self.call_soon(callback, *args, context=context)

    def call_at(  # type: ignore[override]  # the same
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        timer = super().call_at(when, callback, *args, context=context)
        timer.__class__ = _TimerHandle
        return timer

    def hold(self, process: Process, handle: asyncio.Handle) -> None:
        """Keep a callback of a process that is suspended."""
        self._held.append((process, handle))

    def go_on(self, process: Process) -> None:
        """Have a suspended process go on."""
        process.is_stopped = False
        mine = [handle for owner, handle in self._held if owner.is_running]
        self._held = [timer for timer in self._held if not timer[0].is_running]
        self._ready.extend(mine)  # type: ignore[attr-defined]  # of asyncio

    def tasks_of(self, process: Process) -> Iterator[asyncio.Task[Any]]:
        """Give the tasks of a process."""
        for task in asyncio.all_tasks(self):
            if isinstance(task, SimulatedTask) and task.process is process:
                yield task

    def _make_task(
        self,
        loop: asyncio.AbstractEventLoop,
        coro: Coroutine[Any, Any, Any],
        **how: Any,
    ) -> SimulatedTask:
        return SimulatedTask(coro, next(self._tasks), loop=loop, **how)

    def _take_problem(
        self, _loop: asyncio.AbstractEventLoop, facts: dict[str, Any]
    ) -> None:
        error = facts.get("exception")
        self.problems.append(f"{facts.get('message')}: {error!r}")

    def _process_events(self, events: object) -> None:
        """There are none: nothing comes from outside."""

    def _write_to_self(self) -> None:
        """Nobody has to be woken."""


class _Clock:
    """Stands for the selector: where the loop would wait, the clock jumps."""

    def __init__(self, loop: SimulatedLoop) -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> tuple[object, ...]:
        loop = self._loop

        if loop.steps > loop.max_steps:
            raise Stuck(f"no end after {loop.max_steps} steps")

        if timeout is None:
            raise Stuck("everybody waits, and nothing will ever come")

        if timeout > 0:
            loop.now = loop._scheduled[0]._when  # type: ignore[attr-defined]  # of asyncio

            if loop.now > LATEST:
                raise Stuck("no end after months")

        return ()

    def close(self) -> None:
        return None
