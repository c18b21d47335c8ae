"""What jobs print and log: captured, capped, followed while they run, and kept."""

from __future__ import annotations

import ctypes
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from anyio import create_task_group, fail_after, to_thread

from asyncflow import Job, NotOpen, Orchestrator, Status, current_job
from tests.support import flows
from tests.support.flows import configuration, single

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


WRITTEN = ["print", "print to stderr", "descriptor 1", "puts of C", "child", "fork"]
"""What Python prints, and what is written to stdout past it, in its order."""

WRITTEN_TO_STDERR = ["descriptor 2", "child err"]
"""What C and children write to stderr has a file of its own, so that it can be told from
stdout: it comes before what Python prints next, or earlier, where the parent has looked
at the output in between."""


def nothing() -> None:
    """Leave the output as it is."""


def append_to_devices() -> None:
    """Print through files that are opened anew."""
    subprocess.run(["sh", "-c", "echo out >> /dev/stdout"], check=True)
    subprocess.run(["sh", "-c", "echo err >> /dev/stderr"], check=True)


def redirect(*descriptors: int) -> None:
    """Point output elsewhere: at the null device, whose end is 0 as that of the log."""
    null = os.open(os.devnull, os.O_WRONLY)

    for descriptor in descriptors:
        os.dup2(null, descriptor)

    os.close(null)


def reopen() -> None:
    """Point output at the log by another way: who writes there does not append."""
    log = os.open("/proc/self/fd/1", os.O_WRONLY)
    os.dup2(log, 1)
    os.close(log)


def rewind() -> None:
    """Move to the beginning."""
    os.lseek(1, 0, os.SEEK_SET)


def close_both() -> None:
    sys.stdout.close()
    sys.stderr.close()


def pipe() -> None:
    """Point output at what has no place."""
    _, write = os.pipe()
    os.dup2(write, 2)


WAYS: dict[str, tuple[Callable[[], object], str]] = {
    "nothing": (nothing, ""),
    "devices": (append_to_devices, "out\nerr\n"),
    "stdout": (partial(redirect, 1), ""),
    "stderr": (partial(redirect, 2), ""),
    "both": (partial(redirect, 1, 2), ""),
    "close stdout": (partial(os.close, 1), ""),
    "close stderr": (partial(os.close, 2), ""),
    "close both": (close_both, ""),
    "reopen": (reopen, ""),
    "rewind": (rewind, ""),
    "pipe": (pipe, ""),
}
"""What a job may do to its output, and what that prints."""


def break_output(way: str) -> int:
    WAYS[way][0]()
    return os.getpid()


def print_to_both(_: object) -> int:
    print("out", flush=True)
    print("err", file=sys.stderr, flush=True)
    subprocess.run(["sh", "-c", "echo child; echo child err >&2"], check=True)
    return os.getpid()


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


@pytest.mark.smoke
@pytest.mark.anyio
async def test_whatever_it_writes_is_kept_in_order() -> None:
    config = configuration(workers=1)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(single(config, print_everywhere))
        submission = await scenario.submit()
        output = await submission.jobs[0].output()

    *written, record = output.splitlines()
    to_stderr = [line for line in written if line in WRITTEN_TO_STDERR]
    assert [line for line in written if line not in to_stderr] == WRITTEN
    assert to_stderr == WRITTEN_TO_STDERR
    assert written.index("descriptor 2") > written.index("print to stderr")
    assert record.endswith(f"WARNING {__name__}: log record 1")


@pytest.mark.anyio
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("prints_first", [False, True])
async def test_output_is_whole_again_after_each_job(
    way: str, prints_first: bool
) -> None:
    config = configuration(workers=1)
    breaks = single(config, break_output, way)
    node = config.configure_in_memory_data_node("printer_source", default_data=1)
    result = config.configure_in_memory_data_node("printer_result")
    task = config.configure_task("printer", print_to_both, node, result)
    printer = config.configure_scenario("printer_scenario", task)
    both = "out\nerr\nchild\nchild err\n"

    async with Orchestrator(config) as orchestrator:
        outputs: list[str] = []
        pids: set[object] = set()

        for cfg in [*([printer] if prints_first else []), breaks, printer, printer]:
            scenario = await orchestrator.create_scenario(cfg)
            submission = await scenario.submit()
            outputs.append(await submission.jobs[0].output())
            node_id = "result" if cfg is breaks else "printer_result"
            pids.add(await getattr(scenario, node_id).read())

    assert outputs == [*([both] if prints_first else []), WAYS[way][1], both, both]
    assert len(pids) == 1


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
    assert f"WARNING|{job.id}|{submission.id}|hello\n" in output
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
