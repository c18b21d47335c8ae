"""A real program is killed at random moments, again and again, and goes on each time."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import attrs
import pytest

from asyncflow.stores._values_folder import NAME as MARK
from tests.support.programs import LIMIT, environment

PROGRAM = Path(__file__).parent / "crash_program.py"
FINAL = {"COMPLETED", "SKIPPED", "FAILED", "CANCELED", "ABANDONED"}


@attrs.define
class History:
    """What is known of the program after each of its deaths."""

    folder: Path
    accepted: set[str] = attrs.field(factory=set)
    """The submissions that were accepted."""
    completed: dict[str, int] = attrs.field(factory=dict)
    """For each job that was committed as completed, how many jobs had begun by then."""

    @property
    def environment(self) -> dict[str, str]:
        tmp = self.folder / "tmp"
        tmp.mkdir(exist_ok=True)
        return environment(JOBS=str(self.folder / "jobs"), TMPDIR=str(tmp))

    def start(self, command: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-W", "error", PROGRAM, command],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def note(self, lines: Iterator[str]) -> None:
        self.accepted |= {
            line.strip() for line in lines if line.startswith("SUBMISSION_")
        }

    def begun(self) -> list[str]:
        """Return the jobs that have begun, in their order: task and key."""
        with suppress(FileNotFoundError):
            return (self.folder / "jobs").read_text().splitlines()

        return []

    def ask(self, query: str) -> list[tuple[str, ...]]:
        with closing(sqlite3.connect(self.folder / "runs.db")) as connection:
            return connection.execute(query).fetchall()

    def note_completed(self) -> None:
        count = len(self.begun())

        with suppress(sqlite3.OperationalError):  # killed before there was a table
            for (job,) in self.ask("SELECT id FROM job WHERE status = 'COMPLETED'"):
                self.completed.setdefault(job, count)


def crash(history: History, chance: random.Random) -> None:
    """Run the program for a random while, then kill it, as `kill -9` does."""
    with history.start("run") as program:
        assert program.stdout is not None
        assert program.stderr is not None

        for _ in range(chance.choice([0, 1, 2, 3, 6, 15, 40])):
            history.note(iter([program.stdout.readline()]))

        # The processor is left to the program.
        threading.Event().wait(chance.random() * chance.choice([0.01, 0.1, 0.3]))
        program.kill()
        history.note(program.stdout)
        # The other end is closed once the workers, too, are gone.
        lines = program.stderr.read().splitlines()

    # What comes back at a start is told.
    errors = [line for line in lines if "a process has left unfinished" not in line]
    assert program.returncode == -signal.SIGKILL, errors
    assert not errors
    await_workers(history)
    history.note_completed()


def await_workers(history: History) -> None:
    """Wait until no process of the program is left: workers see that it has died."""
    mark = f"JOBS={history.folder / 'jobs'}".encode()
    give_up = time.monotonic() + LIMIT
    never = threading.Event()

    while left := list(marked(mark)):
        assert time.monotonic() < give_up, f"they outlive the program: {left}"
        never.wait(0.005)


def marked(mark: bytes) -> Iterator[str]:
    """Find the processes with a variable in their environment: command and state."""
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        path = Path("/proc", pid)

        with suppress(OSError):
            if mark in (path / "environ").read_bytes():
                command = (path / "cmdline").read_bytes()[-60:]
                yield f"{command!r} ({(path / 'stat').read_text()})"


def left_in(folder: Path) -> Iterator[str]:
    """Give what is left in a folder for temporary files.

    Without what `tempfile` makes at its first use, to see whether it can write: a kill may
    come before it removes that.
    """
    for path in folder.iterdir():
        is_trial = path.is_file() and path.read_bytes() in (b"", b"blat")

        if not (is_trial and len(path.name) == 8):
            yield path.name


@pytest.mark.limit(600)
def test_what_was_accepted_ends_whatever_happens(
    tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    seed = pytestconfig.getoption("--crash-seed") or random.randrange(2**32)
    print(f"repeat it with --crash-seed {seed}")
    chance = random.Random(seed)
    history = History(tmp_path)

    for _ in range(pytestconfig.getoption("--crashes")):
        crash(history, chance)

    with history.start("drain") as program:
        out, errors = program.communicate(timeout=120)

    # What comes back at a start is told.
    lines = [one for one in errors.splitlines() if "has left unfinished" not in one]
    assert (program.returncode, lines) == (0, []), out
    assert history.accepted, "it never came so far as to accept a submission"
    check_ends(history)
    check_reruns(history)
    check_files(history)


def check_ends(history: History) -> None:
    """Every submission that was accepted has ended, and so have its jobs."""
    ended = {
        identity: (status, finished)
        for identity, status, finished in history.ask(
            "SELECT id, status, finished_at FROM submission"
        )
    }
    assert history.accepted <= ended.keys()
    assert {status for status, _ in ended.values()} == {"COMPLETED"}, history.ask(
        "SELECT id, reason, traceback FROM job WHERE status = 'FAILED'"
    )
    assert all(finished for _, finished in ended.values())
    counts = history.ask(
        "SELECT submission_id, count(*) FROM job WHERE finished_at IS NOT NULL "
        "AND status IN ('COMPLETED', 'SKIPPED') GROUP BY submission_id"
    )
    assert dict(counts) == dict.fromkeys(ended, 5)  # type: ignore[arg-type]  # rows of any type
    assert history.ask("SELECT id FROM orchestrator") == []


def check_reruns(history: History) -> None:
    """No job that was committed as completed has run again."""
    begun = history.begun()
    keys = {
        f"SUBMISSION_{identity.rpartition('_')[2]}": scenario.rpartition("_")[2]
        for identity, scenario in history.ask("SELECT id, scenario_id FROM submission")
    }

    for job, count in history.completed.items():
        _, task, key = job.split("_")
        line = f"{task} {keys[f'SUBMISSION_{key}']}"
        assert line not in begun[count:], f"{job} has run again"


def check_files(history: History) -> None:
    """There is no file that no version has, and no temporary one."""
    names = {
        name for (name,) in history.ask("SELECT path FROM version WHERE path NOT NULL")
    }
    values = history.folder / "runs.values"
    assert set(os.listdir(values)) == {MARK, *names}
    assert os.listdir(history.folder / "tmp") == []
    assert set(os.listdir(history.folder)) == {
        "jobs",
        "result.p",
        "runs.db",
        "runs.values",
        "tmp",
    }
