"""What a job prints to stdout goes to stdout, what it prints to stderr to stderr."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from anyio import fail_after

from asyncflow import ConfigError, Orchestrator
from tests.support import flows, programs
from tests.support.flows import configuration, single

PATIENCE = 40

PROGRAM = """
import os, subprocess, sys, warnings
import anyio
from asyncflow import Config, Orchestrator

def work(count):
    for number in range(count):
        print(f"row {number}")
        print(f"note {number}", file=sys.stderr)

    os.system("echo child row; echo child note >&2")
    subprocess.run(["sh", "-c", "echo row of a child"])
    os.write(1, b"raw row\\n")
    os.write(2, b"raw note\\n")
    sys.stdout.buffer.write(b"caf\\xe9\\n")
    print("Z\\u00fcrich \\udcff")
    warnings.warn("careful")
    warnings.warn("careful")

async def work_async(count):
    print("row of a coroutine")
    print("note of a coroutine", file=sys.stderr)

Config.configure_job_executions("standalone", 1, echo=ECHO)
source = Config.configure_data_node("source", default_data=2)
first = Config.configure_task("work", work, source, Config.configure_data_node("a"))
second = Config.configure_task(
    "other", work_async, source, Config.configure_data_node("b")
)
scenario_cfg = Config.configure_scenario("s", [first, second])

async def main():
    async with Orchestrator(store=":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(scenario_cfg)
        await scenario.submit()

anyio.run(main)
"""


def run(folder: Path, program: str, **env: str) -> tuple[list[str], list[str]]:
    """Run a program; return the lines of its stdout and of its stderr."""
    (folder / "program.py").write_text(program)
    done = subprocess.run(
        [sys.executable, "program.py"],
        cwd=folder,
        env=programs.environment(**env),
        capture_output=True,
        timeout=programs.LIMIT,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return (
        done.stdout.decode("utf-8", "surrogateescape").splitlines(),
        done.stderr.decode("utf-8", "surrogateescape").splitlines(),
    )


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_the_streams_of_a_program_are_those_of_its_jobs(
    encoding: str, tmp_path: Path
) -> None:
    program = PROGRAM.replace("ECHO", "True")
    out, err = run(tmp_path, program, PYTHONIOENCODING=encoding)
    city = "Zürich" if encoding == "utf-8" else "Z\\xfcrich"
    assert [line for line in out if line != "row of a coroutine"] == [
        "row 0",
        "row 1",
        "child row",
        "row of a child",
        "raw row",
        "caf\\xe9",
        f"{city} \\udcff",
    ]
    assert "row of a coroutine" in out
    notes = [line for line in err if "note" in line and "coroutine" not in line]
    assert notes == ["note 0", "note 1", "child note", "raw note"]
    assert "note of a coroutine" in err
    assert sum("UserWarning: careful" in line for line in err) == 2  # of two lines


def print_in_turns(_: object) -> None:
    for number in range(3):
        print(f"out {number}")
        os.system(f"echo child {number} >&2")
        print(f"err {number}", file=sys.stderr)
        os.system(f"echo child {number}")


@pytest.mark.anyio
@pytest.mark.parametrize("is_watched", [False, True])
async def test_the_log_has_all_in_its_order(is_watched: bool, tmp_path: Path) -> None:
    config = configuration(workers=1)
    store = tmp_path / "runs.db"

    async with Orchestrator(config, store) as orchestrator:
        scenario = await orchestrator.create_scenario(single(config, print_in_turns))
        submission = scenario.submit()
        (job,) = submission.jobs

        with fail_after(PATIENCE):
            lines = [line async for line in job.follow()] if is_watched else None
            await submission

    expected = [
        line
        for number in range(3)
        for line in (
            f"out {number}\n",
            f"child {number}\n",
            f"err {number}\n",
            f"child {number}\n",
        )
    ]
    outs = [line for line in expected if line.startswith("out")]
    errs = [line for line in expected if line.startswith("err")]
    children = [line for line in expected if line.startswith("child")][::2]

    async with Orchestrator(config, store) as orchestrator:
        again = await orchestrator.get_job(job.id)
        assert await again.output() == "".join(expected)
        out, err = await again.output("stdout"), await again.output(stream="stderr")
        assert out == "".join(map("".join, zip(outs, children, strict=True)))
        assert err == "".join(map("".join, zip(children, errs, strict=True)))
        assert await again.output("log") == ""

        with pytest.raises(ValueError, match="give 'stdout', 'stderr', 'log'"):
            await again.output("stdin")  # type: ignore[arg-type]

    if lines is not None:
        assert lines == expected


def redirect_stderr(path: str) -> None:
    print("before", file=sys.stderr)
    kept, file = os.dup(2), os.open(path, os.O_WRONLY | os.O_CREAT)
    os.dup2(file, 2)
    print("to the file", file=sys.stderr)
    os.system("echo a child, too >&2")
    os.dup2(kept, 2)
    print("behind", file=sys.stderr)


@pytest.mark.anyio
async def test_a_job_may_point_stderr_elsewhere(tmp_path: Path) -> None:
    config = configuration(workers=1)
    path = tmp_path / "file"
    cfg = single(config, redirect_stderr, str(path))

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        for _ in range(2):
            submission = await scenario.submit()
            assert await submission.jobs[0].output("stderr") == "before\nbehind\n"
            assert await submission.jobs[0].output("stdout") == ""

    assert path.read_text() == "to the file\na child, too\n"


def print_and_die(how: str) -> None:
    print("out")
    print("err", file=sys.stderr)
    os.system("echo child >&2")

    if how == "exit":
        os._exit(3)

    flows.wait_for_file("/nowhere")


@pytest.mark.anyio
@pytest.mark.parametrize("how", ["exit", "cancel"])
async def test_what_a_worker_that_dies_has_printed_is_told_apart(how: str) -> None:
    config = configuration(workers=1)
    cfg = single(config, print_and_die, how, crash_retries=0)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = scenario.submit()
        (job,) = submission.jobs

        with fail_after(PATIENCE):
            async for line in job.follow():
                if line == "child\n" and how == "cancel":
                    submission.cancel()

            await submission.wait()

        assert await job.output("stdout") == "out\n"
        assert (await job.output("stderr")).startswith("err\nchild\n")


def fork_and_print(_: object) -> None:
    print("parent", file=sys.stderr)

    if not os.fork():
        print("fork", file=sys.stderr)
        sys.stderr.flush()
        os._exit(0)

    os.wait()
    print("behind")


@pytest.mark.anyio
async def test_a_fork_prints_in_its_order() -> None:
    config = configuration(workers=1)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(single(config, fork_and_print))
        submission = await scenario.submit()
        (job,) = submission.jobs
        assert await job.output() == "parent\nfork\nbehind\n"
        assert await job.output("stderr") == "parent\nfork\n"


def print_much_to_stderr(_: object) -> None:
    subprocess.run(
        ["sh", "-c", "i=0; while [ $i -lt 40000 ]; do echo note $i; i=$((i+1)); done"],
        stdout=2,
        check=True,
    )
    print("row")


@pytest.mark.anyio
async def test_of_much_stderr_of_a_child_the_ends_are_kept() -> None:
    config = configuration(workers=1, max_log_size=1000)
    cfg = single(config, print_much_to_stderr)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = await scenario.submit()
        (job,) = submission.jobs
        lines = (await job.output("stderr")).splitlines()
        assert await job.output("stdout") == "row\n"

    assert lines[0] == "note 0"
    assert lines[-1] == "note 39999"
    assert sum("left out" in line for line in lines) == 1


def warn_twice(_: object) -> None:
    for _ in range(2):
        warnings.warn("of this place", stacklevel=1)


@pytest.mark.anyio
async def test_warnings_go_to_stderr(monkeypatch: pytest.MonkeyPatch) -> None:
    config = configuration(workers=1)

    with warnings.catch_warnings():
        warnings.simplefilter("default")

        async with Orchestrator(config) as orchestrator:
            scenario = await orchestrator.create_scenario(single(config, warn_twice))
            submission = await scenario.submit()
            (job,) = submission.jobs
            assert (await job.output("stderr")).count("UserWarning") == 1
            assert await job.output("stdout") == ""


@pytest.mark.anyio
@pytest.mark.blocking_jobs
@pytest.mark.parametrize("executor", ["inline", "thread"])
async def test_jobs_of_this_process_tell_their_streams_apart(
    executor: str, capsys: pytest.CaptureFixture[str]
) -> None:
    config = configuration("standalone", echo=True)
    cfg = single(config, print_both, executor=executor)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = await scenario.submit()
        (job,) = submission.jobs
        assert await job.output() == "out 1\nerr 1\nout 2\nerr 2\n"
        assert await job.output("stdout") == "out 1\nout 2\n"
        assert await job.output("stderr") == "err 1\nerr 2\n"

    assert capsys.readouterr() == ("out 1\nout 2\n", "err 1\nerr 2\n")


def print_both(_: object) -> None:
    assert sys.stdout.encoding
    assert sys.stderr.encoding

    for number in (1, 2):
        print("out", number)
        print("err", number, file=sys.stderr)


# ------------------------------------------------------------------------- the live echo


def test_echo_is_true_false_or_live() -> None:
    assert configuration(echo="live").job_config.echo == "live"

    with pytest.raises(ConfigError, match="give True or False, or 'live'"):
        configuration(echo="alive").check()


def print_without_room(count: int) -> int:
    """Print where no file may grow: that is what a full disk is like."""
    if count > 1:
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))

    print("row " * count)
    print("note", file=sys.stderr)
    print("no end of line", end="", flush=True)
    return count


@pytest.mark.anyio
@pytest.mark.parametrize("times", [1, 20])
async def test_a_job_goes_on_where_there_is_no_room_for_what_it_prints(
    times: int, caplog: pytest.LogCaptureFixture
) -> None:
    config = configuration(workers=1)
    cfg = single(config, print_without_room)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        with fail_after(PATIENCE):
            for _ in range(times):  # after some the job is known to be short
                await scenario.submit()

            await scenario.source.write(5)
            jobs = [(await scenario.submit()).jobs[0] for _ in range(2)]
            outputs = [await job.output() for job in jobs]
            await scenario.source.write(1)
            (last,) = (await scenario.submit()).jobs
            assert await last.output() == "row \nnote\nno end of line"

    assert outputs == ["... 40 bytes left out ...\n"] * 2
    told = [one for one in caplog.messages if "what jobs print" in one]
    assert len(told) == 1
    assert "File too large: free some space in" in told[0]
