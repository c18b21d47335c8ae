"""How often a job has called what changes a thing that a process has one of.

To ask the system after each short job for the folder, the umask and the timer takes
longer than the job: that is done where one of these was called, and once a trip.
"""

from __future__ import annotations

import functools
import os
import signal
import sys
from collections.abc import Callable
from types import BuiltinFunctionType
from typing import Any

_WATCHED = (("os", "chdir fchdir umask"), ("signal", "alarm setitimer"))
"""Functions, by the modules that have them."""

_SETS = ("supports_fd", "supports_dir_fd", "supports_follow_symlinks")
"""The sets of `os` that say what its functions take."""

calls: int = 0
"""How often any of them was called."""


def watch() -> None:
    """Count the calls from now on, of who looks a function up; a second call does nothing."""
    for place, names in _WATCHED:
        for name in names.split():
            function = getattr(sys.modules[place], name, None)

            if isinstance(function, BuiltinFunctionType):
                _replace(name, function, _counted(function))


def _replace(
    name: str, function: BuiltinFunctionType, counted: Callable[..., Any]
) -> None:
    """Put a function in the place of another, in all modules that have it."""
    for module in (os, signal, sys.modules[function.__module__]):
        if vars(module).get(name) is function:
            setattr(module, name, counted)

    for kind in _SETS:
        functions = getattr(os, kind)

        if function in functions:
            functions.add(counted)


def _counted(function: BuiltinFunctionType) -> Callable[..., Any]:
    @functools.wraps(function)
    def counted(*args: Any, **given: Any) -> Any:
        global calls

        calls += 1
        return function(*args, **given)

    return counted
