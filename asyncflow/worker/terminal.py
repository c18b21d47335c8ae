"""What a job cannot have of a terminal: answers, and interrupts outside of its function."""

from __future__ import annotations

import builtins
import os
import signal
import sys
import types
from collections.abc import Callable

NO_TERMINAL = (
    "a worker process has no terminal: declare mode='development', where jobs run in the "
    "program itself"
)

CALL = "_call"
_CALLER = "asyncflow.worker.trip"
"""The function that runs a call, and its module."""


def refuse_questions(has_input: Callable[[], bool]) -> None:
    """Have ``input()`` and ``breakpoint()`` say that nobody can answer.

    :param has_input: tells whether somebody has given the job another standard input
    """
    ask = builtins.input

    def input_(prompt: object = "", /) -> str:
        try:
            return ask(prompt)
        except EOFError:
            if has_input():
                raise

            raise EOFError(f"input() in a job: {NO_TERMINAL}") from None

    def stop(*args: object, **more: object) -> object:
        if os.environ.get("PYTHONBREAKPOINT"):  # a debugger that needs no terminal
            return sys.__breakpointhook__(*args, **more)  # noqa: T100  # it was asked for

        raise RuntimeError(f"breakpoint() in a job: {NO_TERMINAL}")

    input_.__name__ = input_.__qualname__ = "input"
    builtins.input = input_
    sys.breakpointhook = stop


def take_interrupts() -> None:
    """Have an interrupt hit nothing but users' functions."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupted)


def interrupted(_number: int, frame: types.FrameType | None) -> None:
    """Interrupt the call that runs, as Python does; do nothing where none does."""
    while frame is not None:
        if frame.f_code.co_name == CALL and frame.f_globals["__name__"] == _CALLER:
            raise KeyboardInterrupt

        frame = frame.f_back
