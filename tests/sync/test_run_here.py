"""Development mode in blocking programs: jobs run in the thread that submits them."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import threading
from collections.abc import Iterator

import pytest

import asyncflow.sync as tp
from asyncflow import (
    Configuration,
    Retry,
    Status,
    SubmissionStatus,
    current_job,
    report,
)
from asyncflow.callers import _by_run
from tests.support.flows import chain, configuration, single, statuses

opened: list[sqlite3.Connection] = []


@pytest.fixture
def config() -> Configuration:
    return configuration("development")


@pytest.fixture(autouse=True)
def _running(config: Configuration) -> Iterator[None]:
    orchestrator = tp.Orchestrator(config, ":memory:")
    orchestrator.run()

    try:
        yield
    finally:
        orchestrator.stop(wait=False)

    assert not _by_run


def where(_: object) -> int:
    return threading.get_ident()


def test_jobs_run_in_the_thread_that_submits(config: Configuration) -> None:
    scenario = tp.create_scenario(single(config, where))
    submission = scenario.submit()
    assert submission.status is SubmissionStatus.COMPLETED
    assert scenario.result.read() == threading.get_ident()

    found: list[tuple[int, int]] = []
    all_done = threading.Barrier(3)  # an id is another thread's once its own has ended

    def work() -> None:
        other = tp.create_scenario("single")
        assert tp.submit(other).is_finished
        found.append((other.result.read(), threading.get_ident()))
        all_done.wait(20)

    threads = [threading.Thread(target=work) for _ in range(3)]

    for thread in threads:
        thread.start()

    for thread in threads:
        thread.join()

    assert len({here for here, _ in found}) == 3
    assert all(here == mine for here, mine in found)


def connect(_: object) -> int:
    opened.append(sqlite3.connect(":memory:"))
    return 1


def use(_: object) -> int:
    (connection,) = opened
    opened.clear()

    with connection:
        (found,) = connection.execute("select 41 + 1").fetchone()

    connection.close()
    return int(found)


def test_a_handle_that_belongs_to_a_thread_goes_from_job_to_job(
    config: Configuration,
) -> None:
    scenario = tp.create_scenario(chain(config, connect, use))
    assert scenario.submit().result().counts() == {Status.COMPLETED: 2}
    assert scenario.n2.read() == 42


def tell(_: object) -> str:
    job = current_job()
    assert job is not None
    report(1, 2, "half")
    print("hello from", job.task)
    return job.task


def test_what_a_job_prints_and_reports_is_its_own(
    config: Configuration,
) -> None:
    submission = tp.create_scenario(single(config, tell)).submit()
    (job,) = submission.jobs
    assert job.output() == "hello from work\n"
    assert job.progress is not None
    assert job.progress.message == "half"


async def on_the_loop(_: object) -> int:
    await asyncio.sleep(0)
    return threading.get_ident()


def later(_: object) -> object:
    return on_the_loop(_)


@pytest.mark.parametrize("function", [on_the_loop, later])
def test_what_is_awaited_runs_on_the_event_loop(
    config: Configuration, function: object
) -> None:
    scenario = tp.create_scenario(single(config, function))  # type: ignore[arg-type]
    scenario.submit().result()
    assert scenario.result.read() != threading.get_ident()


starts: list[int] = []


def unlucky(value: int) -> int:
    starts.append(threading.get_ident())

    if len(starts) == 1:
        raise ValueError("once")

    return value


def test_another_attempt_runs_here_too(config: Configuration) -> None:
    starts.clear()
    cfg = single(config, unlucky, retry=Retry(2))
    assert tp.create_scenario(cfg).submit().result().is_finished
    assert starts == [threading.get_ident()] * 2


def interrupted(_: object) -> None:
    os.kill(os.getpid(), signal.SIGINT)


def exits(_: object) -> None:
    raise SystemExit(3)


def test_ctrl_c_in_a_job_ends_its_run(config: Configuration) -> None:
    cfg = chain(config, interrupted, where, retry=Retry(3))
    scenario = tp.create_scenario(cfg)

    with pytest.raises(KeyboardInterrupt):
        scenario.submit()

    submission = tp.get_submissions(entity_id=scenario.id)[0].wait(20)
    assert submission.is_finished
    assert statuses(submission.jobs) == ["CANCELED"] * 2
    assert submission.jobs[0].reason == "interrupted by Ctrl-C"
    assert tp.create_scenario(single(config, where)).submit().result().is_finished


def test_an_exit_in_a_job_fails_it(
    config: Configuration, caplog: pytest.LogCaptureFixture
) -> None:
    submission = tp.create_scenario(single(config, exits)).submit()
    assert submission.status is SubmissionStatus.FAILED
    assert "SystemExit" in submission.jobs[0].reason
    assert any(submission.id in record.getMessage() for record in caplog.records)


may_end = threading.Event()


def hold(_: object) -> int:
    may_end.wait(20)
    return 1


def test_a_cancel_lets_the_function_end(config: Configuration) -> None:
    may_end.clear()

    def cancel(job: tp.Job) -> None:
        if job.task.config_id == "t0" and job.status is Status.RUNNING:
            job.submission.cancel()
            may_end.set()

    scenario = tp.create_scenario(chain(config, hold, where))
    submission = scenario.submit(callbacks=[cancel])
    assert statuses(submission.jobs)[1] == "CANCELED"
    assert submission.status is SubmissionStatus.CANCELED


def test_a_run_again_runs_here(config: Configuration) -> None:
    starts.clear()
    submission = tp.create_scenario(single(config, unlucky)).submit()
    assert submission.status is SubmissionStatus.FAILED
    again = submission.retry_failed()
    assert again.status is SubmissionStatus.COMPLETED
    assert starts == [threading.get_ident()] * 2


def test_a_timeout_that_has_no_effect_is_told_once(
    config: Configuration, caplog: pytest.LogCaptureFixture
) -> None:
    scenario = tp.create_scenario(single(config, where))

    for _ in range(2):
        assert scenario.submit(wait=True, timeout=5).is_finished

    assert [one for one in caplog.messages if "no effect in development" in one]
    assert len(caplog.messages) == 1
