"""What users test their flows with: fixtures, and faults to order."""

from __future__ import annotations

import functools
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from asyncflow import (
    Configuration,
    Event,
    JobEvent,
    JobFinished,
    JobPending,
    JobStarted,
    Orchestrator,
    RemoteTraceback,
    Status,
    Submission,
    SubmissionFailed,
    SubmissionFinished,
    SubmissionStarted,
    UsageError,
)
from asyncflow.abc import Store
from asyncflow.stores.memory import MemoryStore
from asyncflow.testing import Faults, run_program
from asyncflow.testing._kill_switch import KillSwitch
from asyncflow.testing._store import FaultyStore
from tests.support import flows

pytest_plugins = ["pytester"]

# ------------------------------------------------------------------------ the fixtures

FLOW = """
from pathlib import Path

import pytest


def double(nb):
    return nb * 2


@pytest.fixture
def flow(asyncflow_config):
    number = asyncflow_config.configure_data_node("number", default_data=21)
    doubled = asyncflow_config.configure_data_node("doubled", default_path="d.pickle")
    task = asyncflow_config.configure_task(
        "double", double, number, doubled, crash_retries=0
    )
    return asyncflow_config.configure_scenario("doubling", task)
"""

USES = """
MARK
async def test_inline(asyncflow_orchestrator, flow, tmp_path):
    scenario = await asyncflow_orchestrator.create_scenario(flow)
    await scenario.submit()
    assert await scenario.doubled.read() == 42
    assert [path.name for path in tmp_path.iterdir()] == ["d.pickle"]


MARK
async def test_processes(asyncflow_process_orchestrator, flow, tmp_path):
    scenario = await asyncflow_process_orchestrator.create_scenario(flow)
    await scenario.submit()
    assert await scenario.doubled.read() == 42
    assert asyncflow_process_orchestrator.max_nb_of_workers == 2
    assert {"asyncflow.db", "d.pickle"} <= {path.name for path in tmp_path.iterdir()}


MARK
async def test_both(
    asyncflow_process_orchestrator, asyncflow_orchestrator, flow, asyncflow_faults
):
    asyncflow_faults.crash("double", attempt=2)
    one = await asyncflow_orchestrator.create_scenario(flow)
    other = await asyncflow_process_orchestrator.create_scenario(flow)
    await one.submit()
    crashed = await other.submit().wait()
    assert "SIGKILL" in crashed.jobs[0].reason


MARK
async def test_of_a_users_fixture(scenario):
    assert await scenario.number.read() == 21


FIXTURE
async def scenario(asyncflow_orchestrator, flow):
    return await asyncflow_orchestrator.create_scenario(flow)
"""

ONLY_ASYNCIO = "@pytest.fixture\ndef anyio_backend():\n    return 'asyncio'\n"
ASYNCIO = "import pytest_asyncio\n"


@pytest.mark.parametrize(
    ("mark", "fixture", "before", "options"),
    [
        pytest.param(
            "@pytest.mark.anyio",
            "@pytest.fixture",
            ONLY_ASYNCIO,
            ["-p", "no:asyncio"],
            id="anyio",
        ),
        pytest.param(
            "@pytest.mark.anyio",
            "@pytest.fixture",
            ONLY_ASYNCIO,
            [],
            id="anyio-beside-asyncio",
        ),
        pytest.param(
            "",
            "@pytest.fixture",
            ONLY_ASYNCIO,
            ["--anyio-mode", "auto"],
            id="anyio-auto",
        ),
        pytest.param(
            "@pytest.mark.asyncio",
            "@pytest_asyncio.fixture",
            ASYNCIO,
            ["-p", "no:anyio"],
            id="asyncio",
        ),
        pytest.param(
            "@pytest.mark.asyncio",
            "@pytest_asyncio.fixture",
            ASYNCIO,
            [],
            id="asyncio-beside-anyio",
        ),
        pytest.param(
            "",
            "@pytest.fixture",
            ASYNCIO,
            ["--asyncio-mode", "auto"],
            id="asyncio-auto",
        ),
        pytest.param(
            "@pytest.mark.asyncio(loop_scope='module')",
            "@pytest_asyncio.fixture(loop_scope='module')",
            ASYNCIO,
            [],
            id="asyncio-one-loop-a-module",
        ),
        pytest.param(
            "@pytest.mark.asyncio",
            "@pytest_asyncio.fixture(loop_scope='session')",
            ASYNCIO,
            ["-o", "asyncio_default_test_loop_scope=session"],
            id="asyncio-one-loop",
        ),
    ],
)
def test_the_fixtures_serve(
    pytester: pytest.Pytester, mark: str, fixture: str, before: str, options: list[str]
) -> None:
    tests = USES.replace("MARK", mark).replace("FIXTURE", fixture)
    pytester.makepyfile(FLOW + before + tests)
    run(pytester, *options).assert_outcomes(passed=4)


def test_a_test_that_is_not_async_is_told(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(asyncflow_orchestrator): pass")
    ran = run(pytester)
    ran.assert_outcomes(errors=1)
    ran.stdout.fnmatch_lines(["*asyncflow_orchestrator is for async tests: mark*"])


def test_the_users_own_configuration(pytester: pytest.Pytester) -> None:
    """How it says that jobs are executed counts for the user's own orchestrators."""
    pytester.makepyfile(
        """
        import pytest
        from asyncflow import Config, Orchestrator

        options = {"echo": False, "resources": {"gpu": 2}, "kill_grace": 0.5}
        Config.configure_job_executions("standalone", 3, **options, note="mine")
        Config.configure_task("train", len, needs={"gpu": 2})
        Config.configure_scenario("empty", [])

        @pytest.fixture
        def asyncflow_config():
            return Config

        @pytest.mark.parametrize("anyio_backend", ["asyncio"])
        @pytest.mark.anyio
        async def test_it(asyncflow_orchestrator):
            assert asyncflow_orchestrator.config is Config
            assert asyncflow_orchestrator.max_nb_of_workers == 1
            assert await asyncflow_orchestrator.create_scenario("empty")
            jobs = Config.job_config
            assert (jobs.mode, jobs.max_nb_of_workers) == ("standalone", 3)
            assert (jobs.echo, jobs.properties) == (False, {"note": "mine"})
            assert (jobs.resources, jobs.kill_grace) == ({"gpu": 2}, 0.5)
        """
    )
    run(pytester).assert_outcomes(passed=1)


def test_a_fault_that_never_happens_is_an_error(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        def test_it(asyncflow_faults):
            asyncflow_faults.crash("doubel")
            asyncflow_faults.fail("add", ValueError, attempt=None)
        """
    )
    ran = run(pytester)
    ran.assert_outcomes(passed=1, errors=1)
    never = (
        "the crash of job 1 of task 'doubel'; the failure of every job of task 'add'"
    )
    ran.stdout.fnmatch_lines([f"never happened: {never}"])


def run(pytester: pytest.Pytester, *options: str) -> pytest.RunResult:
    """Run pytest in a process of its own; warnings are errors."""
    loops = ["-o", "asyncio_default_fixture_loop_scope=function"]
    known = [] if "no:asyncio" in options else loops
    return pytester.runpytest_subprocess("-W", "error", *known, *options, timeout=50)


@pytest.mark.anyio
@pytest.mark.both_loops
@pytest.mark.blocking_jobs
async def test_a_fixture_here(
    asyncflow_orchestrator: Orchestrator,
    asyncflow_config: Configuration,
    tmp_path: Path,
) -> None:
    config = flows.single(asyncflow_config, flows.double, 21)
    scenario = await asyncflow_orchestrator.create_scenario(config)
    await scenario.submit()
    assert await flows.result_of(scenario) == 42
    assert Path.cwd() == tmp_path


# -------------------------------------------------------------------------- the faults

EXECUTORS = ("process", "thread", "inline", "development")


async def double_later(value: int) -> int:
    return value * 2


async def submitted(
    executor: str,
    faults: Faults,
    count: int,
    function: flows.Function = flows.double,
    crash_retries: int = 0,
) -> list[Submission]:
    """Run one task, `work`, again and again, with faults; return the runs."""
    mode, name = (
        ("standalone", executor)
        if executor != "development"
        else ("development", "process")
    )
    config = flows.configuration(mode)
    scenario_cfg = flows.single(
        config, function, executor=name, crash_retries=crash_retries
    )
    runs = []

    with faults:
        async with Orchestrator(config) as orchestrator:
            scenario = await orchestrator.create_scenario(scenario_cfg)

            for _ in range(count):
                submission = scenario.submit()
                runs.append(await submission.wait())

    return runs


def states(runs: list[Submission]) -> list[Status]:
    return [job.status for one in runs for job in one.jobs]


@pytest.mark.anyio
@pytest.mark.blocking_jobs
@pytest.mark.parametrize("executor", EXECUTORS)
async def test_a_job_crashes(executor: str) -> None:
    faults = Faults()
    faults.crash("work", attempt=2)

    runs = await submitted(executor, faults, 3)

    assert states(runs) == [Status.COMPLETED, Status.FAILED, Status.COMPLETED]
    (job,) = runs[1].jobs
    assert "its worker process was killed by SIGKILL" in job.reason
    assert faults.pending == ()


@pytest.mark.anyio
@pytest.mark.blocking_jobs
@pytest.mark.parametrize("executor", EXECUTORS)
async def test_a_job_that_crashed_is_tried_again(executor: str) -> None:
    faults = Faults()
    faults.crash("work")

    (run,) = await submitted(executor, faults, 1, crash_retries=1)

    (job,) = run.jobs
    assert job.status is Status.COMPLETED
    assert [one.number for one in job.attempts] == [1]
    assert "its worker process was killed by SIGKILL" in job.attempts[0].reason


@pytest.mark.anyio
async def test_an_async_job_crashes() -> None:
    faults = Faults()
    faults.crash("work")

    (one, other) = await submitted("process", faults, 2, double_later)

    assert states([one, other]) == [Status.FAILED, Status.COMPLETED]
    assert "SIGKILL" in one.jobs[0].reason


@pytest.mark.anyio
@pytest.mark.blocking_jobs
@pytest.mark.parametrize("executor", EXECUTORS)
async def test_a_job_raises(executor: str) -> None:
    faults = Faults()
    faults.fail("work", ValueError("no rows"))

    first, second = await submitted(executor, faults, 2)

    assert states([first, second]) == [Status.FAILED, Status.COMPLETED]
    (job,) = first.jobs
    assert job.reason == "ValueError: no rows"
    assert "ValueError: no rows" in job.stacktrace
    error = first.error()
    assert isinstance(error, SubmissionFailed)
    cause = error.exceptions[0].__cause__
    assert isinstance(cause, ValueError)
    assert cause.args == ("no rows",)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (flows.Locked("x"), RemoteTraceback),
        (flows.TwoArguments(1, 2), flows.TwoArguments),
    ],
    ids=["Locked", "TwoArguments"],
)
async def test_a_job_raises_what_cannot_be_pickled(
    error: Exception, cause: type[Exception]
) -> None:
    """It is what comes back of a worker where the function raises it."""
    faults = Faults()
    faults.fail("work", error)

    (run,) = await submitted("process", faults, 1)

    failed = run.error()
    assert isinstance(failed, SubmissionFailed)
    assert type(failed.exceptions[0].__cause__) is cause


@pytest.mark.anyio
async def test_every_job_raises_a_class_of_errors() -> None:
    faults = Faults()
    faults.fail("work", KeyError, attempt=None)
    runs = await submitted("thread", faults, 3)
    assert [one.jobs[0].reason for one in runs] == ["KeyError"] * 3


@pytest.mark.anyio
async def test_the_first_of_several_faults_happens_and_all_count() -> None:
    faults = Faults()
    faults.fail("work", ValueError("first"), attempt=2)
    faults.fail("work", ValueError("second"), attempt=2)
    faults.fail("work", ValueError("third"), attempt=3)

    runs = await submitted("thread", faults, 4)

    reasons = [one.jobs[0].reason for one in runs]
    assert reasons == ["", "ValueError: first", "ValueError: third", ""]


@pytest.mark.anyio
@pytest.mark.blocking_jobs
async def test_jobs_are_counted_from_when_a_fault_is_added() -> None:
    config = flows.configuration("development")
    scenario_cfg = flows.chain(config, flows.double, flows.double, crash_retries=0)
    second = config.tasks["t1"]

    with Faults() as faults:
        async with Orchestrator(config) as orchestrator:
            scenario = await orchestrator.create_scenario(scenario_cfg)
            await scenario.submit()
            faults.crash(second)
            assert faults.pending == ("the crash of job 1 of task 't1'",)
            run = await scenario.submit().wait()
            assert states([run]) == [Status.COMPLETED, Status.FAILED]
            await scenario.submit()


@pytest.mark.anyio
@pytest.mark.blocking_jobs
async def test_faults_happen_only_where_they_are_active() -> None:
    faults = Faults()
    faults.crash("work", attempt=None)
    inner = Faults()
    inner.fail("work", ValueError("inner"))

    with faults:
        pass

    assert states(await submitted("development", Faults(), 1)) == [Status.COMPLETED]

    with faults:
        assert states(await submitted("development", inner, 2)) == [Status.FAILED] * 2


def test_what_cannot_be_meant_is_refused() -> None:
    faults = Faults()

    with pytest.raises(ValueError, match="counted from 1, not from 0"):
        faults.crash("work", attempt=0)

    with pytest.raises(ValueError, match="counted from 1, not from -1"):
        faults.kill_orchestrator_after(JobFinished, nth=-1)

    with pytest.raises(UsageError, match=r"after JobPending: use one of Submission"):
        faults.kill_orchestrator_after(JobPending)

    with faults, pytest.raises(UsageError, match="active already"):
        faults.__enter__()


def test_pytest_is_not_killed() -> None:
    with (
        Faults() as faults,
        pytest.raises(UsageError, match=r"would kill pytest.*run_program"),
    ):
        faults.kill_orchestrator_after(JobFinished)

    killing = Faults()
    killing.kill_orchestrator_after(JobFinished)

    with pytest.raises(UsageError, match="would kill pytest"):
        killing.__enter__()

    with faults:  # what was refused is forgotten
        pass


# ------------------------------------------------------------------- a killed program

PROGRAM = """
import sys

import anyio
from asyncflow import Config, Orchestrator

MODE, KEY = sys.argv[1:]


def double(nb):
    note("double")
    return nb * 2


def add(nb):
    note("add")
    return nb + 10


def note(name):
    with open("ran", "a") as file:
        print(name, file=file)


Config.configure_job_executions(MODE, 2)
number = Config.configure_data_node("number", default_data=21)
doubled = Config.configure_data_node("doubled")
result = Config.configure_data_node("result")
first = Config.configure_task("double", double, number, doubled)
second = Config.configure_task("add", add, doubled, result, crash_retries=0)
scenario_cfg = Config.configure_scenario("flow", [first, second])


async def main():
    async with Orchestrator() as orchestrator:
        await orchestrator.drain()
        known = await orchestrator.submissions()

        if known:
            submission = await orchestrator.get(known[0].id)
        else:
            scenario = await orchestrator.create_scenario(scenario_cfg)
            submission = scenario.submit(idempotency_key=KEY or None)

        await submission
        print(await submission.entity.result.read(), len(known))


anyio.run(main)
"""


@pytest.fixture
def program(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    path = tmp_path / "program.py"
    path.write_text(PROGRAM, "utf-8")
    store = {"ASYNCFLOW_STORE": "runs.db"}
    return functools.partial(run_program, path, folder=tmp_path, environment=store)


@pytest.mark.parametrize(
    ("event", "facts", "ran", "arguments"),
    [
        (SubmissionStarted, {}, [], ["standalone", ""]),
        (SubmissionStarted, {}, [], ["standalone", "key"]),
        (Event, {}, [], ["standalone", ""]),
        (JobStarted, {}, [], ["standalone", "key"]),
        (JobStarted, {}, [], ["development", ""]),
        (JobFinished, {}, ["double"], ["standalone", ""]),
        (JobFinished, {}, ["double"], ["development", "key"]),
        (JobStarted, {"nth": 2}, ["double"], ["standalone", ""]),
        (JobEvent, {"task": "add"}, ["double"], ["standalone", ""]),
        (JobFinished, {"task": "add"}, ["double", "add"], ["standalone", ""]),
        (JobEvent, {"nth": 4}, ["double", "add"], ["development", ""]),
        (SubmissionFinished, {}, ["double", "add"], ["standalone", ""]),
        (SubmissionFinished, {}, ["double", "add"], ["development", "key"]),
    ],
)
def test_a_killed_program_goes_on(
    program: Callable[..., subprocess.CompletedProcess[str]],
    tmp_path: Path,
    event: type[Event],
    facts: dict[str, Any],
    ran: list[str],
    arguments: list[str],
) -> None:
    faults = Faults()
    faults.kill_orchestrator_after(event, **facts)

    killed = program(*arguments, faults=faults)

    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert (killed.stdout, killed.stderr) == ("", "")
    assert noted(tmp_path) == ran

    again = program(*arguments)

    assert again.returncode == 0, again.stderr
    assert all("goes on here" in line for line in again.stderr.splitlines())
    assert again.stdout == "52 1\n"
    assert noted(tmp_path) == ["double", "add"]


def noted(folder: Path) -> list[str]:
    file = folder / "ran"
    return file.read_text().split() if file.exists() else []


def test_what_did_not_happen_kills_nobody(
    program: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    faults = Faults()
    faults.kill_orchestrator_after(JobFinished, nth=3)
    faults.kill_orchestrator_after(JobStarted, task="doubel")
    ran = program("development", "key", faults=faults)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "52 0\n", "")


def test_jobs_of_a_program_crash(
    program: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    faults = Faults()
    faults.crash("add")
    ran = program("standalone", "", faults=faults)
    assert ran.returncode == 1
    assert "of task 'add' failed: its worker process was killed" in ran.stderr
    assert noted(tmp_path) == ["double"]


def test_a_program_is_run_as_if_it_were_started_alone(tmp_path: Path) -> None:
    script = tmp_path / "scripts" / "script.py"
    script.parent.mkdir()
    (script.parent / "beside.py").write_text("NAME = 'beside'")
    script.write_text(
        "import os, sys, beside, tests.support.flows\n"
        "print(__name__, sys.argv, sys.path[0], os.getcwd(), os.environ['MORE'])\n"
        "print(sys.modules['__main__'].__file__, file=sys.stderr)\n"
        "sys.exit(3)"
    )

    for faults in (None, Faults()):
        ran = run_program(
            script,
            "an argument",
            folder=tmp_path,
            faults=faults,
            environment={"MORE": "more"},
        )
        facts = ["__main__", [str(script), "an argument"], script.parent, tmp_path]
        assert ran.stdout.split("\n")[0] == " ".join(map(str, [*facts, "more"]))
        assert ran.stderr == f"{script}\n"
        assert ran.returncode == 3


def test_a_program_that_does_not_end_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("import threading; threading.Event().wait()")

    with pytest.raises(subprocess.TimeoutExpired):
        run_program(script, folder=tmp_path, timeout=0.5)


@pytest.mark.anyio
async def test_a_store_with_faults_has_all_that_a_store_has() -> None:
    inner = MemoryStore()
    store = FaultyStore.around(inner, KillSwitch())
    assert isinstance(store, Store)

    for name in vars(Store):
        if not name.startswith("_"):
            assert hasattr(store, name)

    async with store:
        assert await store.submissions(limit=1) == []
        assert await store.get("JOB_1") is None
        assert store.values_folder is None
