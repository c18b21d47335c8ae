"""Every block of Python in the README runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"
BLOCKS = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
EXPECTED = ("adding\n52\nadding\n", "", "", "42\n")


def test_each_block_is_known() -> None:
    assert len(BLOCKS) == len(EXPECTED)


@pytest.mark.parametrize(
    ("block", "expected"),
    list(zip(BLOCKS, EXPECTED, strict=False)),
    ids=["seed", "records", "web", "sync"],
)
def test_a_block_runs(tmp_path: Path, block: str, expected: str) -> None:
    script = tmp_path / "block.py"
    script.write_text(block, "utf-8")

    ran = subprocess.run(
        [sys.executable, "-W", "error", script],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
        cwd=tmp_path,
        env={"PYTHONPATH": str(README.parent), "PATH": "/usr/bin:/bin"},
    )

    assert (ran.returncode, ran.stdout, ran.stderr) == (0, expected, "")
