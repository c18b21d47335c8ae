"""The files that explain the engine are there, and are read in half an hour."""

from __future__ import annotations

import re
from pathlib import Path

from asyncflow import dispatch

PACKAGE = Path(__file__).parents[2] / "asyncflow"
LINES = 1256
"""How many lines they may have together."""


def test_the_files_of_the_tour_are_there() -> None:
    assert dispatch.__doc__ is not None
    files = re.findall(r"^- `([a-z_/]+\.py)`: ", dispatch.__doc__, re.MULTILINE)
    lines = [len((PACKAGE / file).read_text().splitlines()) for file in files]
    assert len(files) == 6
    assert sum(lines) <= LINES
