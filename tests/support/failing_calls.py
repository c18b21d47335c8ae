"""System calls that fail to order: those that write below a folder.

Python's own files and SQLite both call the C library, so a small library that is loaded
before it (`failing_calls.c`, built where gcc is there) stands in the way of both.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).with_name("failing_calls.c")

SHORT = -1
"""A write that writes half, and the next one fails with ENOSPC: the disk is full now."""


def built(folder: Path) -> Path | None:
    """Build the library; None where it cannot be built, or loaded before others."""
    compiler = shutil.which("gcc")

    if compiler is None or sys.platform != "linux":
        return None

    library = folder / "failing_calls.so"
    command = [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE)]
    subprocess.run([*command, "-ldl"], check=True)
    return library


def arm(nth: int, error: int, folder: str) -> None:
    """Have the nth call fail, from 1; 0 for none, which counts them.

    :param error: with which number; or `SHORT`
    """
    _library().fault_arm(nth, error, os.fsencode(folder))


def seen() -> int:
    """Return how many calls there were since `arm`."""
    return int(_library().fault_seen())


def _library() -> ctypes.CDLL:
    return ctypes.CDLL(os.environ["LD_PRELOAD"])
