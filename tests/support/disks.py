"""Small disks for tests, which root may mount."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, size: str = "1m") -> Iterator[Path]:
    """Mount a disk of so many bytes at a folder, which is made."""
    folder.mkdir()

    if sys.platform != "linux" or shutil.which("mount") is None:
        pytest.skip("only Linux mounts disks like this")

    if not mounted("-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)):
        pytest.skip("only root may mount")

    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def mounted(*options: str) -> bool:
    """Tell whether a mount succeeded."""
    command = ["mount", *options]
    return not subprocess.run(command, capture_output=True, check=False).returncode


def made_read_only(folder: Path) -> None:
    assert mounted("-o", "remount,ro", str(folder))
