"""Signals that ask this process to end: SIGINT, as by Ctrl-C, and SIGTERM.

Event loops, web servers and notebooks have handlers for them, and these decide what the
program does. Nothing is taken from them: while an orchestrator is open, what is installed
is wrapped. Each signal is noted, then passed on. An orchestrator that is left after a
signal was interrupted, however it is left; a further signal while it closes makes it
hurry, and then a `KeyboardInterrupt` of the handler is not let into the event loop: the
program is ending already. Nor is that of a further signal while an orchestrator opens,
where asyncio has cancelled the opening at the first. The third, and each later one, ends the process by itself, even
where the closing hangs: nothing of ours is waited for.

A web server that a signal ends waits for its requests before it leaves an orchestrator, and
these may wait for runs. So the orchestrator begins to end its runs at the signal itself.

Where nobody handles a signal (SIGTERM, in most scripts) it would end the program at once.
Instead the orchestrators are closed; then the program ends by that signal.

Handlers can be installed on the main thread alone, where they are called, too. An
orchestrator on another thread hears of signals if the main thread has called `install`.
Those of ``loop.add_signal_handler`` are called by the loop, whatever is installed here;
one that is added later replaces ours, and nothing is heard any more.

As long as no signal comes, nothing of this costs anything.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Protocol

NUMBERS = (signal.SIGINT, signal.SIGTERM)


class Open(Protocol):
    """What is open."""

    def end(self) -> None:
        """Begin to close it. Called on its event loop where the program is to end and
        nobody else sees to that.
        """


class Serving(Protocol):
    """What is open while a web server that ends waits for its requests."""

    def interrupt_soon(self) -> None:
        """Begin to end the runs. Called on its event loop."""


class Closing(Protocol):
    """What closes."""

    def hurry(self) -> None:
        """Have it close faster. Called on its event loop."""


class Signals:
    """What an orchestrator knows of signals.

    :param serving: what is open; None where no web server is asked about
    """

    def __init__(self, open_host: Open, serving: Serving | None = None) -> None:
        self.open_host = open_host
        self.serving = serving
        self.closing: Closing | None = None
        """None until it closes."""
        self.has_come: bool = False
        """Whether there was a signal since it was opened."""
        self.is_opening: bool = False
        """Whether it is not open yet."""
        self._is_hurried = False
        self._loop: asyncio.AbstractEventLoop

    def open(self) -> None:
        """Begin to hear signals."""
        global _heard
        self._loop = asyncio.get_running_loop()
        _heard = _heard if _listeners else 0
        self.closing = None
        self.has_come = self._is_hurried = False
        self.is_opening = True
        _listeners.append(self)
        install()

    def closes(self, closing: Closing) -> None:
        """Take note that it closes."""
        global _heard
        self.closing = closing

        if self.has_come:  # that signal is the first, whoever has handled it
            _heard = max(_heard, 1)

    def close(self) -> None:
        """Hear nothing any more; the last one ends the program if that is due."""
        _listeners.remove(self)

        if _listeners:
            return

        restore()

        if _ends_by is not None:
            os.kill(os.getpid(), _ends_by)

    def hear(self, *, is_fatal: bool, is_servers: bool = False) -> bool:
        """Take note of a signal. On the main thread, in the midst of anything.

        :param is_fatal: whether the program ends by it
        :param is_servers: whether a web server handles it, which ends once it can
        :return: whether all is done that it can ask for
        """
        is_more, self.has_come = self.has_come, True

        if self.closing is None:
            if is_fatal:
                self._call(self.open_host.end)
            elif is_servers and self.serving is not None:
                self._call(self.serving.interrupt_soon)

            return is_more and self.is_opening  # which the first one ends

        if not is_more or self._is_hurried:
            return False

        self._is_hurried = True
        self._call(self.closing.hurry)
        return True

    def _call(self, function: Callable[[], object]) -> None:
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(function)


_listeners: list[Signals] = []
_ends_by: int | None = None
"""The signal that ends the program once nobody listens any more."""
_is_telling = False
_heard = 0
"""How many signals have come that end the program."""

LAST = 3
"""Which of these ends it at once."""

SERVERS = frozenset({"gunicorn", "hypercorn", "uvicorn"})
"""The packages of web servers, whose handlers have them end after their requests."""

os.register_at_fork(after_in_child=_listeners.clear)


class _Handler:
    """Stands for a handler: notes the signal, and passes it on.

    :param before: what was installed
    """

    def __init__(self, before: Callable[[int, FrameType | None], object] | int) -> None:
        self.before = before

    def __call__(self, number: int, frame: FrameType | None) -> None:
        global _is_telling, _ends_by, _heard

        if _is_telling or not _listeners:  # another of ours is around this one
            self._pass_on(number, frame)
            return

        _is_telling = True

        try:
            is_fatal = not callable(self.before)
            ends_program = self._ends_program()

            if ends_program:
                _heard += 1

            if _heard >= LAST:
                _end_by(number)
                return

            is_servers = self._is_servers()
            heard = [
                listener.hear(is_fatal=is_fatal, is_servers=is_servers)
                for listener in list(_listeners)
            ]

            if is_fatal:
                _ends_by = number
                return

            is_done = ends_program and any(heard)

            with suppress(*[KeyboardInterrupt] * is_done):
                self._pass_on(number, frame)
        finally:
            _is_telling = False

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        if callable(self.before):
            self.before(number, frame)
        else:
            _end_by(number)

    def _ends_program(self) -> bool:
        """Tell whether the program ends by a signal: nobody else handles it, asyncio
        has cancelled the main task for it, a web server ends by it, or an orchestrator
        closes. A notebook, say, goes on.
        """
        if not callable(self.before) or self._is_servers():
            return True

        if any(listener.closing for listener in _listeners):
            return True

        function = getattr(self.before, "func", None)
        return getattr(function, "__qualname__", "") == "Runner._on_sigint"

    def _is_servers(self) -> bool:
        module = getattr(self.before, "__module__", None) or ""
        return module.partition(".")[0] in SERVERS


def _end_by(number: int) -> None:
    """End the process by a signal, whatever goes on in it."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def install() -> None:
    """Wrap what is installed. Does nothing where a signal is ignored, or elsewhere than
    on the main thread.
    """
    if threading.current_thread() is not threading.main_thread():
        return

    for number in NUMBERS:
        before = signal.getsignal(number)

        if before not in (None, signal.SIG_IGN) and not isinstance(before, _Handler):
            signal.signal(number, _Handler(before))


def restore() -> None:
    """Install again what was there before, if nobody listens.

    What others have installed since then stays; one of ours below that passes all on.
    """
    if _listeners or threading.current_thread() is not threading.main_thread():
        return

    for number in NUMBERS:
        current = signal.getsignal(number)

        if isinstance(current, _Handler):
            signal.signal(number, current.before)
