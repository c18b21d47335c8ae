"""What jobs print and log: captured, capped, followed while they run, and kept."""

from __future__ import annotations

import ctypes
import logging
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from anyio import create_task_group, fail_after, to_thread

from asyncflow import Job, NotOpen, Orchestrator, Status, current_job
from tests import flows
from tests.flows import configuration, single

PATIENCE = 40.0
"""How long whatever may take, in seconds."""

logger = logging.getLogger(__name__)


def print_everywhere(_: object) -> None:
    """Write in every way there is, each time to both streams."""
    print("print")
    print("print to stderr", file=sys.stderr)
    os.write(1, b"descriptor 1\n")
    os.write(2, b"descriptor 2\n")
    library = ctypes.CDLL(None)
    library.puts(b"puts of C")
    library.fflush(None)
    subprocess.run(["sh", "-c", "echo child; echo child err >&2"], check=True)
    child = os.fork()

    if not child:
        os.write(1, b"fork\n")
        os._exit(0)

    os.waitpid(child, 0)
    logger.warning("log record %d", 1)


WRITTEN = [
    "print",
    "print to stderr",
    "descriptor 1",
    "descriptor 2",
    "puts of C",
    "child",
    "child err",
    "fork",
]


def log_with_ids(_: object) -> list[str | None]:
    """Log with a formatter that names the job."""
    handler = logging.StreamHandler(sys.stdout)
    line = "%(levelname)s|%(job_id)s|%(submission_id)s|%(message)s"
    handler.setFormatter(logging.Formatter(line))
    logger.addHandler(handler)

    try:
        logger.warning("hello")
    finally:
        logger.removeHandler(handler)

    job = current_job()
    assert job is not None
    return [job.id, job.submission_id]


def print_and_wait(folder: str) -> None:
    """Print a line, then one more for each file that appears."""
    print("begun", flush=True)

    for name in ("one", "two"):
        flows.wait_for_file(f"{folder}/{name}")
        print(f"{name}: é", flush=True)

    print("no end of line", end="")


def print_lines(count: int) -> None:
    for index in range(count):
        print(f"line {index:07}")


async def print_as_async(name: str) -> None:
    print("async", name)


@pytest.mark.anyio
async def test_whatever_it_writes_is_kept_in_order() -> None:
    config = configuration(workers=1)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(single(config, print_everywhere))
        submission = await scenario.submit()
        output = await submission.jobs[0].output()

    *written, record = output.splitlines()
    assert written == WRITTEN
    assert record.endswith(f"WARNING {__name__}: log record 1")


@pytest.mark.anyio
@pytest.mark.blocking_jobs
@pytest.mark.parametrize(
    ("mode", "executor"),
    [
        ("standalone", "process"),
        ("standalone", "thread"),
        ("standalone", "inline"),
        ("development", "process"),
    ],
)
async def test_log_records_name_the_job(mode: str, executor: str) -> None:
    config = configuration(mode)
    cfg = single(config, log_with_ids, executor=executor)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = await scenario.submit()
        (job,) = submission.jobs
        ids = await scenario.result.read()
        output = await job.output()

    assert ids == [job.id, submission.id]
    assert output == f"WARNING|{job.id}|{submission.id}|hello\n"
    assert logging.getLogRecordFactory() is logging.LogRecord


@pytest.mark.anyio
async def test_levels_are_those_of_the_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    config = configuration(workers=1)
    monkeypatch.setattr(logging.getLogger(), "level", logging.INFO)

    def log(_: object) -> None:
        logging.getLogger("some").debug("not shown")
        logging.getLogger("some").info("shown")

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(single(config, log))
        submission = await scenario.submit()
        output = await submission.jobs[0].output()

    assert output.endswith("INFO some: shown\n")
    assert "not shown" not in output


@pytest.mark.anyio
@pytest.mark.blocking_jobs
@pytest.mark.parametrize(
    ("mode", "executor"), [("standalone", "process"), ("development", "process")]
)
async def test_of_much_the_beginning_and_the_end_are_kept(
    mode: str, executor: str, tmp_path: Path
) -> None:
    config = configuration(mode, max_log_size=1200)
    cfg = single(config, print_lines, 1000, executor=executor)

    async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = await scenario.submit()
        output = await submission.jobs[0].output()

    lines = output.splitlines()
    assert lines[0] == "line 0000000"
    assert lines[-1] == "line 0000999"
    assert "... 11800 bytes left out ..." in lines
    assert len(output) < 1300


@pytest.mark.anyio
async def test_the_log_of_one_job_has_nothing_of_another() -> None:
    config = configuration(workers=1)
    cfg = single(config, print_lines, 3)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        runs = [scenario.submit() for _ in range(20)]
        outputs = {await (await run).jobs[0].output() for run in runs}

    assert outputs == {"line 0000000\nline 0000001\nline 0000002\n"}


# -------------------------------------------------------------------------- following


@pytest.mark.anyio
async def test_lines_are_followed_as_they_come(tmp_path: Path) -> None:
    config = configuration(workers=1)
    cfg = single(config, print_and_wait, str(tmp_path))
    seen: list[str] = []

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = scenario.submit()
        (job,) = submission.jobs

        with fail_after(PATIENCE):
            async for line in job.follow():
                seen.append(line)

                if line == "begun\n":
                    assert job.status is Status.RUNNING
                    assert await job.output() == "begun\n"
                    await to_thread.run_sync((tmp_path / "one").touch)
                elif line == "one: é\n":
                    assert job.status is Status.RUNNING
                    await to_thread.run_sync((tmp_path / "two").touch)

        assert job.is_finished
        expected = ["begun\n", "one: é\n", "two: é\n", "no end of line"]
        assert seen == expected
        assert [line async for line in job.follow()] == expected
        assert await job.output() == "".join(expected)


@pytest.mark.anyio
async def test_several_follow_and_one_stops_early(tmp_path: Path) -> None:
    config = configuration(workers=1)
    cfg = single(config, print_and_wait, str(tmp_path))
    seen: list[list[str]] = [[], []]

    async def follow(job: Job, lines: list[str]) -> None:
        lines.extend([line async for line in job.follow()])

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = scenario.submit()
        (job,) = submission.jobs

        with fail_after(PATIENCE):
            async with create_task_group() as group:
                group.start_soon(follow, job, seen[0])
                group.start_soon(follow, job, seen[1])

                async for line in job.follow():
                    assert line == "begun\n"
                    break

                for name in ("one", "two"):
                    await to_thread.run_sync((tmp_path / name).touch)

    assert seen[0] == seen[1]
    assert len(seen[0]) == 4


@pytest.mark.anyio
@pytest.mark.parametrize("function", [flows.exit_hard, flows.fail, flows.double])
async def test_following_ends_with_the_job(function: flows.Function) -> None:
    config = configuration(workers=1)
    cfg = single(config, function, crash_retries=0)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = scenario.submit()

        with fail_after(PATIENCE):
            lines = [line async for line in submission.jobs[0].follow()]
            await submission.wait()

    assert lines == (["last words\n"] if function is flows.exit_hard else [])


def print_attempt(_: object) -> None:
    job = current_job()
    assert job is not None
    print("attempt", job.attempt, flush=True)

    if job.attempt < 3:
        raise ValueError("again")


@pytest.mark.anyio
async def test_following_shows_the_last_attempt(tmp_path: Path) -> None:
    config = configuration(workers=1)
    cfg = single(config, print_attempt, retry=3)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = await scenario.submit()
        (job,) = submission.jobs
        lines = [line async for line in job.follow()]
        output = await job.output()

    assert lines == ["attempt 3\n"]
    assert [line for line in output.splitlines() if line] == [
        "attempt 1",
        "--- attempt 2 ---",
        "attempt 2",
        "--- attempt 3 ---",
        "attempt 3",
    ]


# ----------------------------------------------------------------------------- kept


@pytest.mark.anyio
async def test_output_outlives_the_orchestrator(tmp_path: Path) -> None:
    config = configuration(workers=1)
    cfg = single(config, print_attempt, retry=3)

    async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = await scenario.submit()
        (job,) = submission.jobs
        output = await job.output()

    with pytest.raises(NotOpen):
        await job.output()

    async with Orchestrator(config, tmp_path / "runs.db") as later:
        same = await later.get(job.id)
        assert isinstance(same, Job)
        assert same is not job
        assert await same.output() == output
        assert [line async for line in same.follow()] == ["attempt 3\n"]


@pytest.mark.anyio
async def test_what_is_deleted_takes_its_output_along(tmp_path: Path) -> None:
    config = configuration(workers=1)
    cfg = single(config, print_lines, 3)

    async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = await scenario.submit()
        job_id = submission.jobs[0].id
        assert await orchestrator.store.log(job_id) is not None
        await orchestrator.delete(submission.id)
        assert await orchestrator.store.log(job_id) is None


@pytest.mark.anyio
async def test_async_jobs_side_by_side_keep_their_own(tmp_path: Path) -> None:
    config = configuration(workers=4)
    nodes = [
        config.configure_data_node(f"node{index}", default_data=f"job {index}")
        for index in range(4)
    ]
    met = threading.Barrier(2, timeout=PATIENCE)

    def print_in_thread(name: str) -> None:
        met.wait()
        print("thread", name)
        met.wait()
        print("thread", name)

    tasks = [
        config.configure_task("a", print_as_async, nodes[0]),
        config.configure_task("b", print_as_async, nodes[1]),
        config.configure_task("c", print_in_thread, nodes[2], executor="thread"),
        config.configure_task("d", print_in_thread, nodes[3], executor="thread"),
    ]
    cfg = config.configure_scenario("four", tasks)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = await scenario.submit()
        outputs = {job.task.config_id: await job.output() for job in submission.jobs}

    assert outputs == {
        "a": "async job 0\n",
        "b": "async job 1\n",
        "c": "thread job 2\n" * 2,
        "d": "thread job 3\n" * 2,
    }
