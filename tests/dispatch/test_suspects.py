"""Jobs that take the program along: they are found, and do not run for ever."""

from __future__ import annotations

import importlib
import os
import signal
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from anyio import to_thread

from asyncflow import Orchestrator, Status
from asyncflow.dispatch import suspects
from asyncflow.entities.submission import run_of
from asyncflow.testing import run_program
from asyncflow.worker.current import LOADING
from tests.support import flows
from tests.support.flows import configuration, single

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.may_leave("file", reason="a killed program removes nothing"),
]

PROGRAM = """
import os, signal, sys
from contextlib import suppress
import anyio
from asyncflow import Config, Orchestrator

def poison(number):
    with open("poisoned", "a") as file:
        file.write("x")

    os.kill(os.getppid(), signal.SIGKILL)
    import time
    time.sleep(600)

def work(number):
    with open(f"worked {number}", "a") as file:
        file.write("x")

    return number

D, T = Config.configure_data_node, Config.configure_task
one = D("one", default_data=1)
bad = T("bad", poison, one, D("never"), crash_retries=RETRIES)
good = [T(f"good{n}", work, D(f"n{n}", default_data=n), D(f"m{n}")) for n in range(4)]
after = T("after", work, good[0].output_configs[0], D("last"))
late = T("late", poison, D("z", default_data=2), D("zz"), crash_retries=RETRIES)
alone = Config.configure_scenario("alone", bad)
mixed = Config.configure_scenario("mixed", [*good[:2], bad, *good[2:], after])
other = Config.configure_scenario("other", [*good, after])
Config.configure_job_executions(mode="standalone", max_nb_of_workers=2, echo=False)

async def main():
    async with Orchestrator(store="runs.db") as orchestrator:
        there = await orchestrator.submissions()

        for name in NAMES[len(there):]:  # it may have died between two of them
            scenario = await orchestrator.create_scenario(name)
            await scenario.submit().accepted()

        await orchestrator.drain()

        for record in await orchestrator.submissions():
            submission = await orchestrator.get(record.id)
            print(*(f"{job.task.config_id}={job.status}" for job in submission.jobs))

            for job in submission.jobs:
                if job.reason:
                    print(job.reason)

anyio.run(main)
"""


async def lives(folder: Path, retries: int, *names: str) -> str:
    """Start a program until it is not killed; return what it says."""
    script = folder / "program.py"
    text = PROGRAM.replace("RETRIES", str(retries)).replace("NAMES", repr(names))
    script.write_text(text)

    for _ in range(12):
        ended = await to_thread.run_sync(start, script, folder)

        if ended.returncode == 0:
            return ended.stdout

        assert ended.returncode == -signal.SIGKILL, ended.stderr

    pytest.fail("every start dies")


def start(script: Path, folder: Path) -> CompletedProcess[str]:
    return run_program(script, folder=folder)


def tries(folder: Path) -> int:
    return len((folder / "poisoned").read_text())


@pytest.mark.parametrize(("retries", "allowed"), [(0, 2), (1, 2), (3, 4)])
async def test_a_job_that_kills_the_program_fails(
    tmp_path: Path, retries: int, allowed: int
) -> None:
    """Without retries it has a second one: nobody knew that it ran when it did."""
    said = await lives(tmp_path, retries, "alone")
    assert "bad=FAILED" in said
    assert f"died {allowed} times while it ran, and crash_retries is {retries}" in said
    assert tries(tmp_path) == allowed


@pytest.mark.limit(120)
async def test_its_neighbours_go_on(tmp_path: Path) -> None:
    said = await lives(tmp_path, 1, "mixed", "other")
    mixed, *_ = said.splitlines()
    good = [f"good{n}=COMPLETED" for n in range(4)]
    assert set(mixed.split()) == {*good, "after=COMPLETED", "bad=FAILED"}
    assert " ".join([*good, "after=COMPLETED"]) in said
    assert tries(tmp_path) <= 10


async def test_what_was_sent_and_had_not_begun_is_no_suspect(tmp_path: Path) -> None:
    config = configuration()
    cfg = single(config, flows.double)

    async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
        submission = await (await orchestrator.create_scenario(cfg)).submit()
        run = run_of(submission)
        (job,) = submission.jobs
        (record,) = await orchestrator.store.jobs()
        running = record._replace(status=Status.RUNNING, finished=None)
        file = suspects.waiting_file("ORCHESTRATOR_a", run, 0)

        sent, loading = {file: 0}, {file: LOADING}
        others = {suspects.waiting_file("ORCHESTRATOR_b", run, 0): 0}

        for files, crashes, status in (
            (sent, 1, Status.PENDING),
            (sent, suspects.LOADS + 1, Status.PENDING),
            (loading, suspects.LOADS, Status.PENDING),
            (loading, suspects.LOADS + 1, Status.RUNNING),  # it never ends otherwise
            (others, 1, Status.RUNNING),
            (dict[str, int](), 1, Status.RUNNING),
        ):
            run.crashes, kept = crashes, {job.id: running}
            suspects.note_waiting(run, kept, "ORCHESTRATOR_a", files)
            assert kept[job.id].status is status

        kept = {job.id: record}
        suspects.note_waiting(run, kept, "ORCHESTRATOR_a", sent)
        assert kept == {job.id: record}


MODULE = """
from asyncflow.worker import current
from tests.dispatch.test_suspects import sizes_in

as_it_was_loaded = sizes_in("FOLDER") if current.is_worker else []

def sizes(_):
    return as_it_was_loaded, sizes_in("FOLDER")
"""


def sizes_in(folder: str) -> list[int]:
    """Return the sizes of the files that say that calls have not begun."""
    names = [name for name in os.listdir(folder) if "-waits-" in name]
    return [os.path.getsize(os.path.join(folder, name)) for name in names]


async def test_what_is_loaded_for_a_suspect_is_not_its_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = MODULE.replace("FOLDER", str(tmp_path / "runs.values"))
    (tmp_path / "loaded_for_a_suspect.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module("loaded_for_a_suspect")
    config = configuration(workers=1)
    cfg = single(config, module.sizes)

    async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
        for loading in ([LOADING], [LOADING]):  # the second time it is there already
            scenario = await orchestrator.create_scenario(cfg)
            submission = scenario.submit()
            run_of(submission).crashes = 1
            await submission
            assert await scenario.result.read() == (loading, [])


async def test_a_file_is_there_until_the_call_of_a_suspect_begins(
    tmp_path: Path,
) -> None:
    config = configuration()
    cfg = single(config, names_in, str(tmp_path / "runs.values"))

    async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = scenario.submit()
        run_of(submission).crashes = 1
        await submission
        names = await scenario.result.read()
        assert not any("-waits-" in name for name in names)
        names = await to_thread.run_sync(os.listdir, tmp_path / "runs.values")
        assert not any("-waits-" in name for name in names)


def names_in(folder: str) -> list[str]:
    return os.listdir(folder)
