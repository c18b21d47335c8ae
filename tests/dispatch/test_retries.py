"""Jobs that are tried again: after which errors, when, how often, and what is kept."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest
from anyio import fail_after
from anyio.lowlevel import checkpoint

from asyncflow import (
    AttemptKind,
    Event,
    Job,
    JobAttemptFailed,
    JobFinished,
    JobPending,
    JobProgressed,
    JobStarted,
    Orchestrator,
    Retry,
    Status,
    Submission,
    SubmissionFailed,
    SubmissionFinished,
    current_job,
    report,
)
from asyncflow.abc import Call, Executor, Store, Watch
from asyncflow.runtime import wiring
from asyncflow.testing import Faults, run_program
from tests.support import flows, sleeping
from tests.support.flows import chain, configuration, single, statuses

PATIENCE = 40.0
"""How long whatever may take, in seconds."""


def attempt() -> int:
    job = current_job()
    assert job is not None
    return job.attempt


def fail_twice(value: int) -> int:
    print("attempt", attempt())

    if attempt() < 3:
        raise ConnectionResetError(f"at attempt {attempt()}")

    return value + attempt()


async def fail_twice_async(value: int) -> int:
    await checkpoint()
    return fail_twice(value)


def crash_once(value: int) -> int:
    if attempt() == 1:
        os.kill(os.getpid(), signal.SIGKILL)

    return value + attempt()


def crash_and_fail(value: int) -> int:
    """Crash, fail, crash, fail, and so on."""
    if attempt() % 2:
        os.kill(os.getpid(), signal.SIGKILL)

    raise ValueError(f"at attempt {attempt()}")


async def run(
    function: Callable[[int], object],
    *,
    mode: str = "standalone",
    store: str | Path = ":memory:",
    **options: Any,
) -> tuple[Submission, object]:
    """Run a job; return its run, and what its data node has then."""
    config = configuration(mode, workers=1)
    cfg = single(config, function, 10, **options)

    async with Orchestrator(config, store) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.result.write("old")

        with fail_after(PATIENCE):
            submission = await scenario.submit().wait()

        (record,) = await orchestrator.jobs()
        assert record.attempts == submission.jobs[0].attempts
        return submission, await scenario.result.read()


@pytest.mark.anyio
@pytest.mark.blocking_jobs
@pytest.mark.parametrize(
    ("mode", "executor", "function"),
    [
        ("standalone", "process", fail_twice),
        ("standalone", "thread", fail_twice),
        ("standalone", "inline", fail_twice),
        ("standalone", "process", fail_twice_async),
        ("development", "process", fail_twice),
    ],
)
async def test_a_job_is_tried_again(
    mode: str, executor: str, function: Callable[[int], object]
) -> None:
    submission, value = await run(function, mode=mode, executor=executor, retry=3)

    (job,) = submission.jobs
    assert (job.status, job.reason) == (Status.COMPLETED, "")
    assert value == 13
    assert job.attempt == 3
    first, second = job.attempts
    assert (first.number, second.number) == (1, 2)
    assert first.kind is second.kind is AttemptKind.RAISED
    assert first.reason == "ConnectionResetError: at attempt 1"
    assert second.reason == "ConnectionResetError: at attempt 2"
    assert "in fail_twice" in first.traceback
    assert first.started_at is not None
    assert second.started_at is not None
    assert first.started_at <= first.ended_at <= second.started_at <= second.ended_at


@pytest.mark.smoke
@pytest.mark.anyio
async def test_a_failed_attempt_leaves_no_version() -> None:
    submission, value = await run(fail_twice, retry=2)

    (job,) = submission.jobs
    assert job.status is Status.FAILED
    assert job.reason == "ConnectionResetError: at attempt 2"
    assert len(job.attempts) == 1
    assert value == "old"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("on", "attempts"),
    [
        (ConnectionResetError, 3),
        (OSError, 3),
        ("builtins:ConnectionError", 3),
        ((KeyError, "builtins:OSError"), 3),
        (ConnectionRefusedError, 1),
        (ValueError, 1),
    ],
)
async def test_the_error_decides(on: Any, attempts: int) -> None:
    submission, _ = await run(fail_twice, retry=Retry(3, on=on))

    (job,) = submission.jobs
    assert job.attempt == attempts
    assert job.status is (Status.COMPLETED if attempts == 3 else Status.FAILED)


@pytest.mark.anyio
async def test_the_waits_grow() -> None:
    retry = Retry(4, wait=0.2, factor=3, max_wait=0.5)
    submission, _ = await run(flows.fail, retry=retry)

    (job,) = submission.jobs
    starts = [one.started or 0 for one in job.attempts[1:]]
    assert job.run_at is not None
    starts.append(job.run_at.timestamp())
    waits = [start - one.ended for start, one in zip(starts, job.attempts, strict=True)]

    for wait, least in zip(waits, [0.2, 0.5, 0.5], strict=True):
        assert least - 0.02 <= wait < least + 5


@pytest.mark.anyio
async def test_what_waits_for_its_next_attempt_holds_no_slot() -> None:
    config = configuration(workers=1)
    first = config.configure_task(
        "first",
        flows.fail,
        config.configure_data_node("one", default_data=1),
        retry=Retry(2, wait=1.0),
    )
    cfgs = [config.configure_scenario("failing", first)]
    cfgs.append(single(config, flows.double))

    async with Orchestrator(config) as orchestrator:
        failing, other = [await orchestrator.create_scenario(cfg) for cfg in cfgs]

        with fail_after(PATIENCE):
            submission = failing.submit()
            (job,) = submission.jobs

            while not job.attempts:
                await checkpoint()

            assert statuses(submission.jobs) == ["PENDING"]
            assert job.reason == "ValueError: no 1"
            await other.submit()
            assert not submission.is_finished
            await submission.wait()

    assert job.status is Status.FAILED


@pytest.mark.anyio
async def test_a_cancel_while_it_waits_for_its_next_attempt() -> None:
    config = configuration(workers=1)
    cfg = chain(config, flows.fail, flows.double, retry=Retry(2, wait=3600.0))

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        with fail_after(PATIENCE):
            for what in ("job", "run"):
                submission = scenario.submit()
                (job, _) = submission.jobs

                while not job.attempts:
                    await checkpoint()

                job.cancel("enough") if what == "job" else submission.cancel("enough")
                await submission.wait()
                assert (job.status, job.reason) == (Status.CANCELED, "enough")
                other = "ABANDONED" if what == "job" else "CANCELED"
                assert statuses(submission.jobs) == ["CANCELED", other]


@pytest.mark.anyio
async def test_events_tell_of_each_attempt() -> None:
    submission, _ = await run(fail_twice, retry=3)

    events = [event async for event in submission]

    kinds = [type(event) for event in events[1:-1]]
    again = [JobStarted, JobAttemptFailed]
    assert kinds == [JobPending, *again, *again, JobStarted, JobFinished]
    failed = [event for event in events if isinstance(event, JobAttemptFailed)]
    assert [(event.attempt, event.reason) for event in failed] == [
        (1, "ConnectionResetError: at attempt 1"),
        (2, "ConnectionResetError: at attempt 2"),
    ]
    (job,) = submission.jobs
    dates = [one.ended for one in job.attempts]
    assert [event.at.timestamp() for event in failed] == pytest.approx(dates)


@pytest.mark.anyio
async def test_a_crash_that_is_made_up_for_is_an_event() -> None:
    submission, _ = await run(crash_once)

    failed = [
        event async for event in submission if isinstance(event, JobAttemptFailed)
    ]

    assert [(event.attempt, event.reason) for event in failed] == [
        (1, "its worker process was killed by SIGKILL (9)")
    ]


def report_and_fail_twice(value: int) -> int:
    report(attempt(), attempt())
    return fail_twice(value)


@pytest.mark.anyio
async def test_listeners_and_callbacks_are_told_of_each_attempt() -> None:
    config = configuration(workers=1)
    cfg = single(config, report_and_fail_twice, retry=3, executor="thread")
    called: list[Job] = []

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        async with orchestrator.events() as events, orchestrator.events() as later:
            submission = await scenario.submit(callbacks=[called.append])
            read: list[Event] = []

            while not read or not isinstance(read[-1], SubmissionFinished):
                read.append(await anext(events))

            again = [await anext(later) for _ in read]

    assert again == read
    assert [type(event) for event in read[1:-1]] == [
        *(JobPending, JobStarted, JobProgressed, JobAttemptFailed),
        *(JobStarted, JobProgressed, JobAttemptFailed),
        *(JobStarted, JobProgressed, JobFinished),
    ]
    told = [event.done for event in read if isinstance(event, JobProgressed)]
    assert told == [1, 2, 3]
    kept = [event for event in read if not isinstance(event, JobProgressed)]
    assert kept == [event async for event in submission]
    assert [(job.status.value, len(job.attempts)) for job in called] == [
        *(("PENDING", 0), ("RUNNING", 0), ("PENDING", 1), ("RUNNING", 1)),
        *(("PENDING", 2), ("RUNNING", 2), ("COMPLETED", 2)),
    ]


@pytest.mark.anyio
async def test_what_attempts_have_printed_is_kept_apart() -> None:
    config = configuration(workers=1)
    cfg = single(config, fail_twice, 10, retry=3)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = await scenario.submit()
        output = await submission.jobs[0].output()

    assert output.split("\n--- attempt ") == [
        "attempt 1\n",
        "2 ---\nattempt 2\n",
        "3 ---\nattempt 3\n",
    ]


# ------------------------------------------------------------------ crashes, time-outs


@pytest.mark.anyio
async def test_a_crash_has_a_budget_of_its_own() -> None:
    submission, value = await run(crash_once)
    assert submission.jobs[0].attempt == 2
    assert value == 12

    submission, value = await run(flows.kill_self, crash_retries=2, retry=9)
    (job,) = submission.jobs
    assert job.status is Status.FAILED
    assert [one.reason for one in job.attempts] == [job.reason] * 2
    assert job.reason == "its worker process was killed by SIGKILL (9)"
    assert [one.kind for one in job.attempts] == [AttemptKind.CRASHED] * 2
    assert value == "old"


def start_with_its_worker_process(value: int) -> int:
    """Raise what reads like a crash, and is none."""
    raise MadeUp(f"its worker process was killed, {value}")


class MadeUp(ValueError):
    """An error whose class is not told."""


MadeUp.__qualname__ = "its worker process was killed"


@pytest.mark.anyio
async def test_a_text_makes_no_crash() -> None:
    submission, _ = await run(start_with_its_worker_process, retry=3, crash_retries=9)

    (job,) = submission.jobs
    assert job.status is Status.FAILED
    assert [one.kind for one in job.attempts] == [AttemptKind.RAISED] * 2


@attrs.define(eq=False)
class Raising(Executor):
    """An executor that raises, or tells nothing."""

    tells_nothing: bool
    count: int = 0

    async def run(self, calls: Sequence[Call], watch: Watch) -> None:
        self.count += 1
        assert self.count < 100, "it is tried again and again"
        await checkpoint()

        if not self.tells_nothing:
            raise RuntimeError("made up")

    def kill(self, call: Call, *, now: bool = False) -> None:
        pass

    def wrap_store(self, store: Store) -> Store:
        return store

    def wrap_executor(self, executor: Executor) -> Executor:
        return self


@pytest.mark.anyio
@pytest.mark.parametrize("tells_nothing", [False, True])
async def test_an_executor_that_raises_is_not_tried_for_ever(
    tells_nothing: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = configuration(workers=1)
    cfg = single(config, fail_twice, 1, crash_retries=2, retry=9)
    executor = Raising(tells_nothing)
    monkeypatch.setattr(wiring, "wrappers", [executor])

    async with Orchestrator(config) as owner:
        scenario = await owner.create_scenario(cfg)

        with fail_after(PATIENCE):
            submission = await scenario.submit().wait()

    (job,) = submission.jobs
    assert job.status is Status.FAILED
    assert executor.count == 3
    assert [one.kind for one in job.attempts] == [AttemptKind.CRASHED] * 2


@pytest.mark.anyio
async def test_crashes_and_failures_are_counted_apart() -> None:
    submission, _ = await run(crash_and_fail, crash_retries=5, retry=3)

    (job,) = submission.jobs
    crash = "its worker process was killed by SIGKILL (9)"
    assert [one.reason for one in job.attempts] == [
        crash,
        "ValueError: at attempt 2",
        crash,
        "ValueError: at attempt 4",
        crash,
    ]
    assert job.reason == "ValueError: at attempt 6"


@pytest.mark.anyio
async def test_what_must_not_run_twice_does_not_after_a_crash() -> None:
    submission, _ = await run(crash_once, on_restart="fail", crash_retries=5, retry=5)

    (job,) = submission.jobs
    assert job.status is Status.FAILED
    assert job.attempts == ()


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("retry", "status"),
    [
        (Retry(2), Status.COMPLETED),
        (Retry(2, on=TimeoutError), Status.COMPLETED),
        (Retry(2, on=ValueError), Status.FAILED),
        (None, Status.FAILED),
    ],
)
async def test_a_time_out_counts_as_a_timeout_error(
    retry: Retry | None, status: Status
) -> None:
    submission, value = await run(sleeping.sleep_once, run_timeout=2.0, retry=retry)

    (job,) = submission.jobs
    assert job.status is status
    told = job.attempts[0].reason if job.attempts else job.reason
    assert told == "TIMED_OUT: it ran longer than its run_timeout of 2 s"
    assert {one.kind for one in job.attempts} <= {AttemptKind.TIMED_OUT}
    assert value == (12 if job.attempts else "old")


@pytest.mark.anyio
async def test_the_run_timeout_of_a_run_is_final() -> None:
    config = configuration(workers=1)
    cfg = single(config, flows.block, retry=Retry(5))

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        with fail_after(PATIENCE), pytest.raises(SubmissionFailed, match="TIMED_OUT"):
            await (submission := scenario.submit(run_timeout=0.5))

    assert submission.jobs[0].attempts == ()


# -------------------------------------------------------------------------- the store

PROGRAM = """
import anyio
from asyncflow import Config, Orchestrator, Retry, current_job

def work(number):
    print("attempt", current_job().attempt)

    with open("ran", "a") as file:
        print(current_job().attempt, file=file)

    if current_job().attempt < 3:
        raise ValueError(f"at attempt {current_job().attempt}")

    return number

Config.configure_job_executions("standalone", 1, echo=False)
number = Config.configure_data_node("number", default_data=21)
result = Config.configure_data_node("result")
task = Config.configure_task("work", work, number, result, retry=Retry(3, wait=0.1))
scenario_cfg = Config.configure_scenario("flow", task)

async def main():
    async with Orchestrator(store="runs.db") as orchestrator:
        known = await orchestrator.submissions()

        if known:
            submission = await orchestrator.get(known[0].id)
        else:
            scenario = await orchestrator.create_scenario(scenario_cfg)
            submission = scenario.submit()

        await submission
        (record,) = await orchestrator.jobs()
        print(record.status, [one.reason for one in record.attempts])
        print((await submission.jobs[0].output()).split("\\n"))

anyio.run(main)
"""


def test_attempts_outlive_the_program(tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(PROGRAM, "utf-8")
    faults = Faults()
    faults.kill_orchestrator_after(JobStarted, task="work", nth=2)

    killed = run_program(script, folder=tmp_path, faults=faults)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert (tmp_path / "ran").read_text().split() == ["1"]

    again = run_program(script, folder=tmp_path)
    goes_on, attempt, *others = again.stderr.splitlines()
    assert goes_on.startswith("1 run that a process has left unfinished goes on here")
    assert attempt.endswith("is followed by another in 0.2 s: ValueError: at attempt 2")
    assert not others
    reasons = ["ValueError: at attempt 1", "ValueError: at attempt 2"]
    printed = ["attempt 1", "", "--- attempt 2 ---", "attempt 2", ""]
    printed += ["--- attempt 3 ---", "attempt 3", ""]
    assert again.stdout == f"COMPLETED {reasons}\n{printed}\n"
    assert (tmp_path / "ran").read_text().split() == ["1", "2", "3"]


@pytest.mark.anyio
async def test_attempts_are_kept(tmp_path: Path) -> None:
    submission, _ = await run(fail_twice, store=tmp_path / "runs.db", retry=3)
    config = configuration()
    single(config, fail_twice, 10, retry=3)

    async with Orchestrator(config, tmp_path / "runs.db") as later:
        same = await later.get(submission.id)
        assert isinstance(same, Submission)
        assert same.jobs[0].attempts == submission.jobs[0].attempts
        assert same.jobs[0].attempt == 3
