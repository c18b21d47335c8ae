"""What a job may do: each costs its own job only, and says what happened."""

from __future__ import annotations

import os
import socket
import traceback
from pathlib import Path

import pytest

from asyncflow import (
    Configuration,
    DataNodeWritingError,
    InsideWorker,
    Job,
    NotPicklable,
    Orchestrator,
    RemoteTraceback,
    ScenarioConfig,
    Status,
    SubmissionFailed,
)
from tests.support import flows
from tests.support.flows import configuration, single

pytestmark = pytest.mark.anyio


async def run(function: flows.Function, value: object = 1) -> tuple[Job, str, object]:
    """Run a job, then one that must be all right; return the job, its output, its value."""
    config = configuration(workers=1)
    cfg = single(config, function, value, crash_retries=0)
    sound = single_sound(config)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = await scenario.submit().wait()
        (job,) = submission.jobs
        output = await job.output()
        kept = await scenario.result.read() if job.status is Status.COMPLETED else None
        after = await orchestrator.create_scenario(sound)
        await after.submit()
        assert await after.sound_result.read() == 42

    return job, output, kept


def single_sound(config: Configuration) -> ScenarioConfig:
    source = config.configure_data_node("sound_source", default_data=21)
    result = config.configure_data_node("sound_result")
    task = config.configure_task("sound", flows.double, source, result)
    return config.configure_scenario("sound_scenario", task)


@pytest.mark.parametrize("mode", ["standalone", "development"])
@pytest.mark.parametrize("function", [flows.double, flows.fail])
async def test_it_says_where_it_has_run(
    mode: str, function: flows.Function, tmp_path: Path
) -> None:
    config = configuration(mode)
    cfg = single(config, function)

    async with Orchestrator(config, tmp_path / "s.db") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = await scenario.submit().wait()
        (job,), pids = submission.jobs, [os.getpid()]

        if mode == "standalone":
            pids = [one.pid for one in await orchestrator.workers()]

        assert job.worker in [f"{socket.gethostname()}:{pid}" for pid in pids]

    async with Orchestrator(config, tmp_path / "s.db") as orchestrator:
        again = await orchestrator.get_job(job.id)
        assert again.worker == job.worker


async def test_a_crash_says_where_it_was() -> None:
    job, _, _ = await run(flows.exit_hard)
    assert job.status is Status.FAILED
    assert job.worker is not None


@pytest.mark.parametrize(
    ("function", "value", "printed"),
    [
        (flows.print_in_child, 0, "from a child\n"),
        (flows.read_stdin, "", ""),
        (flows.fork_and_return, 7, ""),
        (flows.fork_and_raise, 7, ""),
        (flows.close_streams, 1, ""),
    ],
)
async def test_harmless(function: flows.Function, value: object, printed: str) -> None:
    job, output, kept = await run(function)

    assert job.status is Status.COMPLETED
    assert kept == value
    assert output == printed


@pytest.mark.smoke
async def test_of_much_output_the_beginning_and_the_end_are_kept() -> None:
    _, output, _ = await run(flows.print_much)

    first, left_out, last = output.split("\n", 2)
    half = 1_048_576 // 2
    assert first == "x" * half
    assert left_out == f"... {5_000_001 - 2 * half} bytes left out ..."
    assert last == "x" * (half - 1) + "\n"


async def test_output_of_c_is_kept() -> None:
    _, output, _ = await run(flows.write_from_c)

    assert sorted(output.splitlines()) == ["stderr of C", "stdout of C"]


async def test_the_working_directory_is_restored() -> None:
    config = configuration(workers=1)

    async with Orchestrator(config) as orchestrator:
        cfg = single(config, flows.change_directory)

        for _ in range(2):
            scenario = await orchestrator.create_scenario(cfg)
            await scenario.submit()
            assert await scenario.result.read() == str(Path.cwd())


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (flows.fail, "ValueError: no 1"),
        (flows.raise_two_arguments, "TwoArguments: 1 and 2"),
        (flows.raise_locked, "Locked: locked"),
        (flows.exit_python, "SystemExit: 4"),
        (flows.interrupt, "KeyboardInterrupt"),
        (flows.exit_hard, "its worker process ended with exit code 3"),
        (flows.kill_self, "its worker process was killed by SIGKILL (9)"),
    ],
)
async def test_failures(function: flows.Function, reason: str) -> None:
    job, _, _ = await run(function)

    assert job.status is Status.FAILED
    assert job.reason == reason


async def test_what_a_killed_worker_printed_is_kept() -> None:
    _, output, _ = await run(flows.exit_hard)

    assert output == "last words\n"


async def test_a_result_that_cannot_be_pickled_is_named() -> None:
    job, _, _ = await run(flows.return_lock)

    assert job.status is Status.FAILED
    assert "result['parts'][1] cannot be pickled" in job.reason
    assert job.reason.startswith(NotPicklable.__name__)


async def test_an_orchestrator_in_a_worker_is_refused() -> None:
    job, _, _ = await run(flows.open_orchestrator)

    assert job.reason.startswith(InsideWorker.__name__)


async def test_the_number_of_results_must_fit() -> None:
    config = configuration()
    nodes = [config.configure_data_node(name) for name in ("one", "two")]
    task = config.configure_task("three", lambda: (1, 2, 3), None, nodes)
    cfg = config.configure_scenario("misfit", task)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        with pytest.raises(SubmissionFailed) as caught:
            await scenario.submit()

        assert scenario.one.last_edit_date is None

    cause = caught.value.exceptions[0].__cause__
    assert isinstance(cause, DataNodeWritingError)
    assert "2 outputs (one, two)" in str(cause)
    assert "it returned 3 values" in str(cause)


async def test_the_error_shows_the_users_traceback() -> None:
    config = configuration()
    cfg = single(config, flows.fail)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        with pytest.raises(SubmissionFailed) as caught:
            await scenario.submit()

    error = caught.value
    (failed,) = error.failures
    assert isinstance(failed.__cause__, ValueError)
    assert isinstance(failed.__cause__.__cause__, RemoteTraceback)
    assert "work: ValueError: no 1" in str(error)
    shown = "".join(traceback.format_exception(error))
    assert 'raise ValueError(f"no {value}")' in shown
    assert "jobs.py" in shown
    assert "trip.py" not in shown


async def cause_of(function: flows.Function) -> BaseException | None:
    """Return the cause of the failure of a job."""
    config = configuration()
    cfg = single(config, function)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        with pytest.raises(SubmissionFailed) as caught:
            await scenario.submit()

    return caught.value.exceptions[0].__cause__


async def test_an_error_that_does_not_survive_leaves_its_traceback() -> None:
    cause = await cause_of(flows.raise_locked)
    assert isinstance(cause, RemoteTraceback)
    assert "Locked: locked" in str(cause)


async def test_an_error_made_of_other_arguments_survives() -> None:
    """It is put together again from its parts."""
    cause = await cause_of(flows.raise_two_arguments)
    assert isinstance(cause, flows.TwoArguments)
    assert str(cause) == "1 and 2"
    assert isinstance(cause.__cause__, RemoteTraceback)
    assert "TwoArguments: 1 and 2" in str(cause.__cause__)


async def test_workers_lead_their_process_groups() -> None:
    _, _, pair = await run(flows.worker_pids)

    assert isinstance(pair, tuple)
    assert pair[0] == pair[1]
