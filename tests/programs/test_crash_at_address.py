"""A real program whose large values go to a bucket is killed while it uploads, or its workers
are, again and again: it goes on each time, and nothing is torn or left."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import cast
from uuid import uuid4

import attrs
import pytest

from tests.programs.test_crash import (
    History,
    await_workers,
    check_ends,
    check_reruns,
)
from tests.support.buckets import bucket as bucket
from tests.support.buckets import connected, keys
from tests.support.buckets import fsspec_is_warm as fsspec_is_warm
from tests.support.databases import server_or_none as server_or_none
from tests.support.postgres import Server
from tests.support.postgres import server as server

KILLS = int(os.environ.get("ASYNCFLOW_TEST_KILLS", "2"))
"""How often the program is killed, and how many of its workers each time."""

OPTIONS = """
[CORE]
values = "s3://shop/values"

[CORE.values_options]
key = "a"
secret = "ENV[OWN_SECRET]"
endpoint_url = "{bucket}"
"""


@attrs.define(kw_only=True)
class Hosted(History):
    """One whose records and values are on servers."""

    bucket: str
    server: Server | None
    database: str = attrs.field(factory=lambda: f"d{uuid4().hex}")

    def __attrs_post_init__(self) -> None:
        text = OPTIONS.format(bucket=self.bucket)
        (self.folder / "own.toml").write_text(text)

        if self.server:
            self.server.run(f"CREATE DATABASE {self.database}")

    @property
    def environment(self) -> dict[str, str]:
        store = self.server.url(self.database) if self.server else "runs.db"
        return {
            **super().environment,
            "STORE": store,
            "RETRIES": "1000",  # a kill may hit a job again and again
            "ASYNCFLOW_CONFIG": "own.toml",
            "OWN_SECRET": "hunter2",
        }

    def ask(self, query: str) -> list[tuple[str, ...]]:
        if self.server is None:
            return super().ask(query)

        found = self.server.ask(query, self.database)
        return cast("list[tuple[str, ...]]", found)

    def keys(self) -> set[str]:
        with connected(self.bucket) as client:
            return {os.path.basename(key) for key in keys(client)}


def children(pid: int) -> list[int]:
    """Return the processes that a process has begun."""
    with suppress(OSError):
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        return [*map(int, found.split())]

    return []


def crash(history: Hosted, chance: random.Random) -> None:
    """Kill workers of the program at random moments, then the program."""
    never = threading.Event()

    with history.start("run") as program:
        assert program.stdout is not None

        for _ in range(chance.choice([1, 2, 4])):
            history.note(iter([program.stdout.readline()]))

        for _ in range(chance.choice([0, 1, 2])):
            never.wait(chance.random() * 0.3)

            if workers := children(program.pid):
                with suppress(ProcessLookupError):
                    os.kill(chance.choice(workers), signal.SIGKILL)

        never.wait(chance.random() * chance.choice([0.05, 0.3, 1.5]))
        program.kill()
        history.note(program.stdout)
        assert program.stderr is not None
        lines = program.stderr.read()

    assert program.returncode == -signal.SIGKILL, lines
    assert "Traceback" not in lines, lines
    assert "hunter2" not in lines
    await_workers(history)


@pytest.fixture(params=["sqlite", "postgresql"])
def history(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    bucket: str,
    server_or_none: Server | None,
) -> Hosted:
    is_sqlite = request.param == "sqlite"

    if server_or_none is None and not is_sqlite:
        pytest.skip("no PostgreSQL here")

    server = None if is_sqlite else server_or_none
    return Hosted(folder=tmp_path, bucket=bucket, server=server)


@pytest.mark.limit(120 + 30 * KILLS)
def test_what_was_accepted_ends_and_nothing_is_left_there(history: Hosted) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)

    kills = 0

    while kills < KILLS or not history.accepted:  # some come before anything else
        crash(history, chance)
        kills += 1
        completed = history.ask("SELECT id FROM job WHERE status = 'COMPLETED'")

        for (job,) in completed:
            history.completed.setdefault(job, len(history.begun()))

    with history.start("drain") as program:  # it reads all that there is
        out, errors = program.communicate(timeout=300)

    assert (program.returncode, "Traceback" in errors) == (0, False), errors
    assert history.accepted, out
    check_ends(history)
    check_reruns(history)
    kept = history.ask("SELECT path FROM version WHERE path IS NOT NULL")
    assert history.keys() == {name for (name,) in kept}
    store = history.environment["STORE"]
    told = subprocess.run(
        [sys.executable, "-m", "asyncflow", "store", "check", "--store", store],
        cwd=history.folder,
        env=history.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr
    assert "hunter2" not in (out + errors + told.stdout + told.stderr)
