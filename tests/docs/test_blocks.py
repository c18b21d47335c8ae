"""Every block of Python in README.md and `docs/` runs, and prints what the page says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import EVERY, EXAMPLE, PAGES, ROOT, Block, blocks
from tests.support import notebooks

PROGRAMS = [block for block in EVERY if block.kind == "python"]
TESTS = [block for block in EVERY if block.kind == "python pytest"]
NOTEBOOKS = [
    page for page in PAGES if any(block.kind == "python cell" for block in blocks(page))
]


def test_each_block_is_of_a_known_kind() -> None:
    kinds = {block.kind for block in EVERY}
    assert kinds == {"python", "python cell", "python pytest", "python module"}


@pytest.mark.parametrize("block", PROGRAMS, ids=str)
def test_a_program_prints_what_the_page_says(tmp_path: Path, block: Block) -> None:
    for name, content in block.files:
        (tmp_path / name).write_text(content, "utf-8")

    (tmp_path / "block.py").write_text(block.code, "utf-8")

    ran = run(tmp_path, "-W", "error", "block.py")

    assert (ran.returncode, ran.stderr) == (0, "")
    assert stripped(ran.stdout) == stripped(block.output)


@pytest.mark.parametrize("block", TESTS, ids=str)
def test_the_tests_of_a_page_pass(tmp_path: Path, block: Block) -> None:
    (tmp_path / "test_block.py").write_text(block.code, "utf-8")
    (tmp_path / "example.py").write_text(EXAMPLE, "utf-8")
    loops = "asyncio_default_fixture_loop_scope=function"

    ran = run(tmp_path, "-m", "pytest", "-q", "-W", "error", "-o", loops)

    assert ran.returncode == 0, ran.stdout
    assert ran.stdout.startswith("...  ")


@pytest.mark.limit(120)
@pytest.mark.parametrize("page", NOTEBOOKS, ids=lambda page: page.stem)
def test_the_cells_of_a_page_are_a_notebook(tmp_path: Path, page: Path) -> None:
    cells = [block for block in blocks(page) if block.kind == "python cell"]
    printed = notebooks.run([block.code for block in cells], tmp_path)

    for lines, block in zip(printed, cells, strict=True):
        assert [line.rstrip() for line in lines] == stripped(block.output)


def stripped(text: str) -> list[str]:
    """Return its lines without the spaces at their ends, which editors take away."""
    return [line.rstrip() for line in text.splitlines()]


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
        cwd=folder,
        env={"PYTHONPATH": os.fspath(ROOT), "PATH": "/usr/bin:/bin"},
    )
