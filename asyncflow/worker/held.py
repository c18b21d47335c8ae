"""The names of values that stay on the hosts where they were made: each says where."""

from __future__ import annotations

import os
import re

_NAME = re.compile(r"\.at_([0-9a-f]{32})[-.]")


def held_name(path: str, place: str) -> str:
    """Return how the file of a value is to be called that stays where it is made.

    :param path: the name that it would have in the folder of all values
    :param place: what tells that host from others: 32 hexadecimal digits
    """
    begin, _, end = os.path.basename(path).partition(".")
    return f"{begin}.at_{place}.{end}"


def place_of(path: str) -> str | None:
    """Return what tells where a value stays; None for one that is where all are."""
    found = _NAME.search(path)
    return found[1] if found else None
