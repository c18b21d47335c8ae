"""The syntax trees of files, for tests of how the package is written."""

from __future__ import annotations

import ast
import gc
from functools import cache


@cache
def parsed(text: bytes) -> ast.Module:
    """Parse a file, once in a process."""
    gc.disable()

    try:
        return ast.parse(text)
    finally:
        gc.freeze()  # trees stay: two thirds of the time would go into looking at them
        gc.enable()
