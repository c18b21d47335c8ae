"""The options that the interpreter of this process was started with, for another one."""

from __future__ import annotations

import sys

_FLAGS = {
    "debug": "d",
    "optimize": "O",
    "bytes_warning": "b",
    "no_site": "S",
    "isolated": "I",
    "ignore_environment": "E",
    "no_user_site": "s",
    "safe_path": "P",
}

_LEFT_OUT = frozenset(
    {"importtime", "perf", "perf_jit", "presite", "showrefcount", "tracemalloc"}
)
"""What looks at this process, and would print in each of its workers or slow it down."""


def options() -> list[str]:
    """Return the options that change what code does: ``-O``, ``-X utf8`` and their like.

    Warning filters travel otherwise, as they may change while this process runs.
    """
    flags = [
        f"-{option * int(getattr(sys.flags, name))}"
        for name, option in _FLAGS.items()
        if getattr(sys.flags, name)
    ]
    return flags + [
        f"-X{name}" if value is True else f"-X{name}={value}"
        for name, value in sys._xoptions.items()
        if name not in _LEFT_OUT
    ]
