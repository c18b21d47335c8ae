"""That the benchmarks run; how long they take is no test."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
SPREAD = re.compile(r"\d+\.\d\d \(\d+\.\d\d\.\.\d+\.\d\d\)")


def test_a_table_of_ratios(tmp_path: Path) -> None:
    file = tmp_path / "samples.json"
    sizes = ["--only", "chain", "--repeat", "1", "--scale", "0.01"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick", *sizes, "--json", file],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    [row] = re.findall(r"^\| chain +\| 10 .*", done.stdout, re.MULTILINE)[:1]
    assert len(SPREAD.findall(row)) == 4
    samples = json.loads(file.read_text())["benchmarks"]["chain"]["samples"]
    assert {name: len(taken) for name, taken in samples.items()} == {
        "asyncflow": 1,
        "bare": 1,
        "memory": 1,
        "pool": 1,
    }
