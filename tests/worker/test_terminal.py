"""Interrupts of a job, which has no terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from asyncflow.worker import terminal


def called_in(module: str, name: str) -> Callable[[], object]:
    """Return what is interrupted in a function of a module."""
    space = {"__name__": module, "f": terminal.interrupted, "frame": sys._getframe}
    exec(f"def {name}(): f(2, frame())", space)
    return space[name]  # type: ignore[return-value]  # it was defined


def test_an_interrupt_hits_nothing_but_users_functions() -> None:
    with pytest.raises(KeyboardInterrupt):
        called_in("asyncflow.worker.trip", "_call")()

    called_in("asyncflow.worker.trip", "run")()
    called_in("steps", "_call")()
