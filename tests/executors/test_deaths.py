"""A worker is dead when its process is, and so is all that it has started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from anyio import fail_after, to_thread

from asyncflow import Orchestrator, Status
from tests.executors.test_worker_deaths import workers
from tests.support.flows import configuration, single
from tests.support.processes import await_death, lives
from tests.support.programs import LIMIT, environment
from tests.support.terminal import terminal

pytestmark = pytest.mark.anyio

LONG = 600
"""Seconds that no test waits."""


def note(path: str, pid: int) -> None:
    Path(f"{path}.new").write_text(str(pid))
    Path(f"{path}.new").rename(path)


def daemon(path: str) -> None:
    """Leave a process that has all descriptors of this one, and no parent."""
    if not os.fork():
        os.setsid()

        if not os.fork():
            note(path, os.getpid())
            time.sleep(LONG)

        os._exit(0)

    while not os.path.exists(path):
        time.sleep(0.01)


def daemon_then_crash(path: str) -> None:
    daemon(path)
    os._exit(3)


def daemon_then_hang(path: str) -> None:
    daemon(path)
    time.sleep(LONG)


def session_then_hang(path: str) -> None:
    child = subprocess.Popen(["sleep", str(LONG)], start_new_session=True)
    note(path, child.pid)
    child.wait()


def group_then_hang(path: str) -> None:
    child = subprocess.Popen(["sleep", str(LONG)], process_group=0)
    note(path, child.pid)
    child.wait()


def nameless_then_hang(path: str) -> None:
    """Leave a daemon that has no environment."""
    command = f"(sleep {LONG} & echo $! > {path}.new; mv {path}.new {path})"
    subprocess.run(["sh", "-c", command], env={}, start_new_session=True, check=True)
    time.sleep(LONG)


def nameless_at_the_end(path: str) -> None:
    """Leave one when asked to end, and do not end."""
    import threading

    asked = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: asked.set())
    note(path, os.getpid())
    asked.wait()
    nameless_then_hang(path)


LEAVERS = (
    daemon_then_hang,
    session_then_hang,
    group_then_hang,
    nameless_then_hang,
    nameless_at_the_end,
)
leavers = pytest.mark.parametrize("function", LEAVERS, ids=lambda one: one.__name__)


async def noted(path: Path) -> int:
    """Wait until a job has noted what it started."""

    def wait() -> int:
        while not path.exists():
            time.sleep(0.01)

        return int(path.read_text())

    with fail_after(LIMIT):
        return await to_thread.run_sync(wait, abandon_on_cancel=True)


async def check_dead(path: Path) -> None:
    assert not await to_thread.run_sync(lives, await noted(path))


@pytest.mark.both_loops
async def test_a_crash_ends_the_job_whoever_has_the_pipes(tmp_path: Path) -> None:
    path = tmp_path / "pid"
    config = configuration(workers=1)
    cfg = single(config, daemon_then_crash, str(path), crash_retries=0)

    async with Orchestrator(config, ":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        with fail_after(LIMIT):
            submission = await scenario.submit().wait()

        assert submission.jobs[0].reason == "its worker process ended with exit code 3"
        await check_dead(path)


@pytest.mark.smoke
async def test_a_time_out_ends_it_whoever_has_the_pipes(tmp_path: Path) -> None:
    path = tmp_path / "pid"
    config = configuration(workers=1, kill_grace=0.3)
    cfg = single(config, daemon_then_hang, str(path), run_timeout=5.0)

    async with Orchestrator(config, ":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        with fail_after(LIMIT):
            submission = await scenario.submit().wait()

        assert submission.jobs[0].reason.startswith("TIMED_OUT")
        await check_dead(path)


@leavers
async def test_a_cancel_ends_what_has_left_the_group(
    function: Callable[[str], None], tmp_path: Path
) -> None:
    path = tmp_path / "pid"
    config = configuration(workers=1, kill_grace=0.3)
    cfg = single(config, function, str(path))

    async with Orchestrator(config, ":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = scenario.submit()
        await noted(path)
        submission.cancel()

        with fail_after(LIMIT):
            await submission.wait()

        assert submission.jobs[0].status is Status.CANCELED
        await check_dead(path)


@leavers
async def test_leaving_ends_what_has_left_the_group(
    function: Callable[[str], None], tmp_path: Path
) -> None:
    path = tmp_path / "pid"
    config = configuration(workers=1, kill_grace=0.3)

    async with Orchestrator(config, ":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(
            single(config, function, str(path))
        )
        submission = scenario.submit()
        await noted(path)

    assert submission.jobs[0].status is Status.CANCELED
    await check_dead(path)


async def test_leaving_ends_what_a_completed_job_has_left(tmp_path: Path) -> None:
    path = tmp_path / "pid"
    config = configuration(workers=1, kill_grace=0.3)

    async with Orchestrator(config, ":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(single(config, daemon, str(path)))
        await scenario.submit()

    await check_dead(path)


# ------------------------------------------------------------------ a job at a terminal

ASKS = """
import getpass
import anyio
from asyncflow import Config, Orchestrator

def ask():
    return getpass.getpass("password: ")

cfg = Config.configure_scenario("s", Config.configure_task("ask", ask, None, None))
Config.configure_job_executions(mode="standalone", max_nb_of_workers=1)

async def main():
    async with Orchestrator(store=":memory:") as orchestrator:
        submission = (await orchestrator.create_scenario(cfg)).submit()
        await submission.wait()
        print("THE END:", submission.jobs[0].reason)

anyio.run(main)
"""


def test_who_asks_at_the_terminal_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(ASKS)

    with terminal("program.py", folder=tmp_path) as shown:
        shown.until("THE END: EOFError")
        assert shown.ended() == 0


# ---------------------------------------------------------------------- idle workers


def at_exit(path: str) -> int:
    import atexit

    atexit.register(Path(path).touch)
    return os.getpid()


def at_exit_hang(path: str) -> int:
    import atexit

    atexit.register(time.sleep, LONG)
    atexit.register(Path(path).touch)
    return os.getpid()


@pytest.mark.parametrize("how", ["close", "retire"])
@pytest.mark.parametrize("function", [at_exit, at_exit_hang])
async def test_an_idle_worker_ends_by_itself(
    how: str, function: Callable[[str], int], tmp_path: Path
) -> None:
    path = tmp_path / "exited"
    config = configuration(
        workers=1,
        kill_grace=2.0 if function is at_exit else 0.5,
        max_jobs_per_worker=1 if how == "retire" else None,
    )

    async with Orchestrator(config, ":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(
            single(config, function, str(path))
        )
        await scenario.submit()
        pid = await scenario.result.read()

    assert path.exists()
    assert not lives(pid)


# ------------------------------------------------------------------ workers that start

STARTS = """
import anyio
from asyncflow import Config, Orchestrator

cfg = Config.configure_scenario("s", Config.configure_task("t", int, None, None))
Config.configure_job_executions(mode="standalone", max_nb_of_workers=1)

async def main():
    async with Orchestrator(store=":memory:") as orchestrator:
        submission = (await orchestrator.create_scenario(cfg)).submit()
        await submission.wait()
        print(submission.jobs[0].status.value, submission.jobs[0].reason)

anyio.run(main)
"""
IS_WORKER = "import os, sys; ours = 'anyio.to_process' in sys.orig_argv\n"


def started(tmp_path: Path, customize: str) -> str:
    """Run a program whose workers begin with a ``sitecustomize``; return what it said."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(IS_WORKER + customize)
    (tmp_path / "program.py").write_text(STARTS)
    env = environment()
    path = os.pathsep.join([str(tmp_path / "site"), env["PYTHONPATH"]])
    done = subprocess.run(
        [sys.executable, "program.py"],
        cwd=tmp_path,
        env={**env, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=True,
    )
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    "customize",
    [
        "print('monitored')",
        "sys.stdout.write('no end of line' if ours else '')",
        "os.system('echo from a child')",
        "sys.stdout.write('READY\\n' * 50_000) if ours else None",
        "import logging; logging.basicConfig(stream=sys.stdout, level=0)",
    ],
)
def test_what_is_printed_at_the_start_does_no_harm(
    customize: str, tmp_path: Path
) -> None:
    assert started(tmp_path, customize).startswith("COMPLETED")


@pytest.mark.parametrize(
    ("customize", "why"),
    [
        ("if ours: os.kill(os.getpid(), 9)", "it ended with SIGKILL (9)"),
        ("if ours: sys.stderr.write('no key\\n'); os._exit(7)", "exit code 7: no key"),
    ],
)
def test_a_worker_that_dies_as_it_starts(
    customize: str, why: str, tmp_path: Path
) -> None:
    said = started(tmp_path, customize)
    assert said.startswith("FAILED no worker process could be started")
    assert why in said


async def test_an_idle_worker_that_dies_is_seen_at_once(tmp_path: Path) -> None:
    path = tmp_path / "pid"
    config = configuration(workers=1)

    async with Orchestrator(config, ":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(single(config, daemon, str(path)))
        await scenario.submit()
        left = await noted(path)
        (worker,) = await to_thread.run_sync(workers)
        os.kill(worker, signal.SIGKILL)

        with fail_after(LIMIT):
            await to_thread.run_sync(await_death, left, abandon_on_cancel=True)

        assert orchestrator.statistics().workers == 0


# ------------------------------------------------------------------------- shortages

SHORT = """
import logging, os, resource, time
import anyio
from asyncflow import Config, Orchestrator
from asyncflow.executors.process import executor

executor.PATIENCE = 0.0
executor.LONGEST_PAUSE = executor.PAUSE
said = []
logging.basicConfig()
logging.getLogger("asyncflow").addFilter(lambda record: said.append(record) or True)

def wait(_):
    time.sleep(0.05)

many = [Config.configure_data_node(f"n{i}", default_data=i) for i in range(12)]
tasks = [Config.configure_task(f"t{i}", wait, node) for i, node in enumerate(many)]
cfg = Config.configure_scenario("s", tasks)
Config.configure_job_executions(
    mode="standalone", max_nb_of_workers=4, prewarm=PREWARM
)

async def main():
    async with Orchestrator(store=":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        while PREWARM and not orchestrator.statistics().workers:
            await anyio.sleep(0.01)

        await anyio.sleep(0.1)
        os.close(free := os.dup(0))
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (free + 2, hard))
        submission = scenario.submit()

        while not (submission.is_finished if PREWARM else said):
            await anyio.sleep(0.01)

        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        await submission.wait()
        counts = submission.counts()
        print({status.value: count for status, count in counts.items()})
        print(sum(len(job.attempts) for job in submission.jobs))

anyio.run(main)
"""


@pytest.mark.parametrize("prewarm", [True, None])
def test_a_shortage_is_waited_for(prewarm: bool | None, tmp_path: Path) -> None:
    """Until it is over, however long, or with the worker that there is."""
    program = tmp_path / "program.py"
    program.write_text(SHORT.replace("PREWARM", str(prewarm)))
    done = subprocess.run(
        [sys.executable, program],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert done.stdout.splitlines() == ["{'COMPLETED': 12}", "0"], done.stderr

    if not prewarm:
        assert done.stderr.count("jobs wait until one can") == 1
        assert done.stderr.count("jobs go on") == 1
