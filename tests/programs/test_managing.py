"""Several that create, change, copy and delete scenarios on one store at a time: one
primary scenario a cycle, no orphan, no update lost.

``python -m tests.programs.test_managing [VERBS]`` does it longer, in processes of which one
is killed: two on SQLite, three on PostgreSQL.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random

import anyio
import pytest
from anyio import create_task_group, fail_after

from asyncflow import Orchestrator
from tests.programs.manage_program import store_at
from tests.support import managing
from tests.support.managing import Ask, Worker, declared
from tests.support.postgres import Server, account, binaries, running
from tests.support.postgres import database as database
from tests.support.postgres import server as server

pytestmark = pytest.mark.anyio

VERBS = 40
"""How many each does in the test."""


async def in_one_process(address: str, values: Path, workers: int, ask: Ask) -> None:
    async with AsyncExitStack() as stack:
        crew = []

        for number in range(workers):
            config, cfg = declared()
            store = store_at(address, str(values))
            opened = Orchestrator(config, store)
            orchestrator = await stack.enter_async_context(opened)
            random = Random(number)
            folder = values.parent
            crew.append(Worker(orchestrator, cfg, "abc"[number], folder, random))

        with fail_after(50):
            async with create_task_group() as group:
                for worker in crew:
                    group.start_soon(worker.work, VERBS)

        updates = [pair for worker in crew for pair in worker.updates.items()]
        first = crew[0].orchestrator
        assert await managing.lost(first, updates) == []
        assert await managing.unreadable(first) == []
        folder_of_values = str(first.store.values_folder)

    assert managing.faults(ask, folder_of_values) == []


async def test_two_on_one_file_lose_nothing_and_leave_nothing(tmp_path: Path) -> None:
    path = str(tmp_path / "asyncflow.db")
    ask = managing.ask_sqlite(path)
    await in_one_process(path, tmp_path / "values", 2, ask)


async def test_three_on_a_server_lose_nothing_and_leave_nothing(
    tmp_path: Path, server: Server, database: str
) -> None:
    url = server.url(database)
    ask = managing.ask_postgres(url)
    await in_one_process(url, tmp_path / "values", 3, ask)


def in_processes(
    address: str, folder: Path, workers: int, verbs: int, ask: Ask
) -> None:
    """Have processes work, and one more, which is killed; print what was found."""
    values = folder / "values"

    def start(number: int, count: int) -> subprocess.Popen[str]:
        who, seed = "abcdefgh"[number], str(number)
        program = [sys.executable, "-m", "tests.programs.manage_program"]
        given = [address, str(values), who, seed, str(count)]
        return subprocess.Popen([*program, *given], stdout=subprocess.PIPE, text=True)

    crew = [start(number, verbs) for number in range(workers)]
    killed = 0

    while any(process.poll() is None for process in crew):
        victim = start(workers, 10 * verbs)
        assert victim.stdout is not None
        victim.stdout.readline()

        try:
            victim.wait(1.0 + Random(killed).random())
        except subprocess.TimeoutExpired:
            victim.send_signal(signal.SIGKILL)
            victim.wait()
            killed += 1

        victim.stdout.close()

    told = [json.loads(process.communicate()[0].splitlines()[-1]) for process in crew]
    codes = [process.returncode for process in crew]
    print(f"{workers} processes, ends {codes}, one more killed {killed} times")
    print(*(one["done"] for one in told), sep="\n")
    pairs = [(name, {*keys}) for one in told for name, keys in one["updates"].items()]
    anyio.run(look, address, str(values), pairs, ask)


async def look(
    address: str, values: str, pairs: list[tuple[str, set[str]]], ask: Ask
) -> None:
    config, _ = declared()

    async with Orchestrator(config, store_at(address, values)) as orchestrator:
        count = len(await orchestrator.scenarios())
        updates = await managing.lost(orchestrator, pairs)
        torn = await managing.unreadable(orchestrator)
        folder = str(orchestrator.store.values_folder)

    found = await anyio.to_thread.run_sync(managing.faults, ask, folder)
    files = len(await anyio.to_thread.run_sync(os.listdir, folder))
    print(
        f"{count} scenarios, {files} files; lost {updates}, torn {torn}, faults {found}"
    )


def main() -> None:
    verbs = int(sys.argv[1]) if len(sys.argv) > 1 else 500

    with tempfile.TemporaryDirectory() as name:
        path = str(Path(name, "asyncflow.db"))
        in_processes(path, Path(name), 2, verbs, managing.ask_sqlite(path))

    programs = binaries()
    assert programs is not None

    with (
        tempfile.TemporaryDirectory() as name,
        running(programs, account()) as postgres,
    ):
        postgres.run("CREATE DATABASE trial")
        url = postgres.url("trial")
        in_processes(url, Path(name), 3, verbs, managing.ask_postgres(url))


if __name__ == "__main__":
    main()
