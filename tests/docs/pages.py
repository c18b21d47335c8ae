"""The blocks of code in README.md and `docs/`, and what they are to print.

A block that is fenced as ``python`` is a program; ``python cell`` is a cell of the page's
notebook, ``python pytest`` a module of tests, ``python module`` the one that the commands
of the page are given (see `test_commands.py`). A ``text`` block right after it is its
output. A ``toml`` block is the file ``config.toml`` of the programs below it.
"""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import attrs

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
FENCE = re.compile(r"^```([a-z]+(?: [a-z]+)?)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@attrs.frozen
class Block:
    page: Path
    number: int
    kind: str
    """``python``, ``python cell``, ``python pytest`` or ``python module``."""
    code: str
    output: str
    files: tuple[tuple[str, str], ...] = ()
    """Names and contents of the files that are in its folder."""

    def __str__(self) -> str:
        return f"{self.page.stem}-{self.number}"


def blocks(page: Path) -> list[Block]:
    """Return the blocks of Python of a page, in order."""
    text = page.read_text("utf-8")
    found = list(FENCE.finditer(text))
    result: list[Block] = []
    files: dict[str, str] = {}

    for match, after in pairwise((*found, None)):
        assert match is not None
        kind, code = match.groups()

        if kind == "toml":
            files["config.toml"] = code

        if not kind.startswith("python"):
            continue

        output = ""

        if after is not None and after[1] == "text":
            between = text[match.end() : after.start()]
            output = after[2] if not between.strip() else ""

        result.append(
            Block(page, len(result) + 1, kind, code, output, tuple(files.items()))
        )

    return result


EVERY = [block for page in PAGES for block in blocks(page)]
EXAMPLE = EVERY[0].code
"""The first example of the README."""
