"""Files of the user's: what a failed or killed write leaves, and what is told."""

from __future__ import annotations

import errno
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

import pytest

from asyncflow.drivers.json import JSONDriver
from asyncflow.errors import DataNodeReadingError
from tests.support.programs import environment

KILLS = 12

WRITER = """
import sys
from asyncflow.drivers.json import JSONDriver

driver = JSONDriver(sys.argv[1])
print("ready", flush=True)

for number in range(1_000_000):
    path = f"/elsewhere/ORCHESTRATOR_1-{number}.value"
    kept = driver.write([number] * 2_000, path, "node")
    driver.publish(kept, path)
    print(number, flush=True)
"""


@pytest.mark.limit(120)
def test_a_killed_write_leaves_a_whole_value(tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    chance = random.Random(5)

    for _ in range(KILLS):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)],
            stdout=subprocess.PIPE,
            env=environment(),
            text=True,
        ) as program:
            assert program.stdout is not None

            for _ in range(chance.randrange(2, 40)):
                program.stdout.readline()

            program.send_signal(signal.SIGKILL)

        value = json.loads(path.read_text())
        assert value == value[:1] * 2_000
        staged = {*JSONDriver(str(path)).staged("ORCHESTRATOR_1")}
        others = {str(one) for one in tmp_path.iterdir() if one != path}
        assert others <= staged, "recovery finds what is left"

        for name in others:
            os.unlink(name)


def test_a_full_disk_leaves_the_old_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "own.json"
    path.write_text("[1]")
    driver = Full(str(path))

    with pytest.raises(OSError, match=r"No space left .*own\.json"):
        driver.write([2], "/elsewhere/A-1.value", "node")

    assert path.read_text() == "[1]"
    assert os.listdir(tmp_path) == ["own.json"]


class Full(JSONDriver):
    """Finds no room for the second half of what it writes."""

    def dump(self, value: object, file: BinaryIO, name: str) -> None:
        file.write(b"[")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    path.write_text("1")
    path.chmod(0)

    with pytest.raises(DataNodeReadingError, match="not permitted: give the user"):
        JSONDriver(str(path)).read(None)


def test_a_folder_where_a_file_was_is_told(tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    path.mkdir()
    driver = JSONDriver(str(path))

    with pytest.raises(DataNodeReadingError, match="it is a folder: move it away"):
        driver.read(None)

    kept = driver.write([1], "/elsewhere/A-1.value", "node")

    with pytest.raises(OSError, match=r"own\.json"):
        driver.publish(kept, "/elsewhere/A-1.value")

    assert os.listdir(tmp_path) == ["own.json"]


def test_mode_and_link_stay(tmp_path: Path) -> None:
    target, link = tmp_path / "target.json", tmp_path / "own.json"
    target.write_text("1")
    target.chmod(0o640)
    link.symlink_to("target.json")
    driver = JSONDriver(str(link))
    path = "/elsewhere/A-1.value"
    driver.publish(driver.write([2], path, "node"), path)
    assert link.is_symlink()
    assert target.read_text() == "[2]"
    assert target.stat().st_mode & 0o777 == 0o640


def test_the_fingerprint_is_that_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    driver = JSONDriver(str(path))
    assert driver.fingerprint() is None
    path.write_text("1")
    first = driver.fingerprint()
    assert first == driver.fingerprint()
    other = tmp_path / "other.json"
    other.write_text("1")
    os.replace(other, path)
    assert driver.fingerprint() != first
    assert JSONDriver().fingerprint() is None


def test_a_folder_of_values_that_was_removed_is_made_again(tmp_path: Path) -> None:
    path = str(tmp_path / "gone" / "A-1.value")
    kept = JSONDriver().write(["x" * 100_000], path, "node")
    assert kept == str(tmp_path / "gone" / "A-1.json")
