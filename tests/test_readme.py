"""Every block of Python in the README runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"
EVERY = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
BLOCKS = [block for block in EVERY if "def test_" not in block]
EXPECTED = (
    "adding\n52\nadding\n",
    "#flows: first COMPLETED\nJobFinished SubmissionFinished\n",
    "COMPLETED 42\nTrue COMPLETED\n",
    "",
    "42\n",
)


def test_each_block_is_known() -> None:
    assert len(BLOCKS) == len(EXPECTED)
    assert len(EVERY) == len(BLOCKS) + 1


@pytest.mark.parametrize(
    ("block", "expected"),
    list(zip(BLOCKS, EXPECTED, strict=False)),
    ids=["seed", "events", "records", "web", "sync"],
)
def test_a_block_runs(tmp_path: Path, block: str, expected: str) -> None:
    (tmp_path / "block.py").write_text(block, "utf-8")

    ran = run(tmp_path, "-W", "error", "block.py")

    assert (ran.returncode, ran.stdout, ran.stderr) == (0, expected, "")


def test_the_tests_pass(tmp_path: Path) -> None:
    (block,) = set(EVERY) - set(BLOCKS)
    (tmp_path / "test_block.py").write_text(block, "utf-8")
    (tmp_path / "example.py").write_text(EVERY[0], "utf-8")
    loops = "asyncio_default_fixture_loop_scope=function"

    ran = run(tmp_path, "-m", "pytest", "-q", "-W", "error", "-o", loops)

    assert ran.returncode == 0, ran.stdout
    assert ran.stdout.startswith("...  ")


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
        cwd=folder,
        env={"PYTHONPATH": str(README.parent), "PATH": "/usr/bin:/bin"},
    )
