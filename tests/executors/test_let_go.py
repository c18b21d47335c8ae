"""Jobs of this process that do not end when they are asked to: they are let go."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import fail_after

from asyncflow import Orchestrator, Status
from tests.support.flows import Function, configuration, single
from tests.support.programs import environment

pytestmark = pytest.mark.anyio

PATIENCE = 20


async def swallow(_: object) -> None:
    """Go on after each cancel."""
    while True:
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            continue


async def swallow_all(_: object) -> None:
    """Go on whatever comes, as long as it has not for long."""
    for _ in range(50):
        try:
            await anyio.sleep(600)
        except BaseException:  # this is what it is about
            continue


async def wait_for_child(_: object) -> None:
    """Wait for a task that goes on after each cancel."""
    await asyncio.gather(swallow(1), swallow(2))


async def wait_in_group(_: object) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(swallow(1))
        group.create_task(swallow(2))


def give_coroutine(_: object) -> Any:
    return swallow(1)


SWALLOW = (swallow, swallow_all, wait_for_child, wait_in_group)


@pytest.mark.parametrize("function", SWALLOW, ids=lambda one: one.__name__)
@pytest.mark.parametrize("mode", ["standalone", "development"])
async def test_a_coroutine_that_goes_on_is_let_go(
    function: Function, mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    config = configuration(mode, kill_grace=0.1)
    cfg = single(config, function, run_timeout=0.1)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        with fail_after(PATIENCE):
            submission = await scenario.submit().wait()

    (job,) = submission.jobs
    assert job.status is Status.FAILED
    assert "run_timeout" in job.reason
    assert "was let go" in caplog.text


@pytest.mark.parametrize("executor", ["inline", "thread"])
async def test_what_is_let_go_is_canceled_where_that_was_asked(executor: str) -> None:
    config = configuration(kill_grace=0.1)
    began, go_on = threading.Event(), threading.Event()

    def wait(_: object) -> int:
        began.set()
        go_on.wait()
        return 1

    async def swallow_one(_: object) -> None:
        began.set()
        await swallow(1)

    function: Function = wait if executor == "thread" else swallow_one
    cfg = single(config, function, executor=executor)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        with fail_after(PATIENCE):
            submission = scenario.submit()
            await anyio.to_thread.run_sync(began.wait)
            submission.cancel()
            await submission.wait()
            assert submission.jobs[0].status is Status.CANCELED
            assert not scenario.result.is_ready_for_reading
            go_on.set()

    assert submission.jobs[0].status is Status.CANCELED


@pytest.mark.smoke
async def test_an_async_job_may_clean_up_after_its_cancel() -> None:
    config = configuration(kill_grace=10)
    began, ended = anyio.Event(), anyio.Event()

    async def clean_up(_: object) -> None:
        try:
            began.set()
            await anyio.sleep_forever()
        finally:
            await asyncio.sleep(0)
            ended.set()

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(single(config, clean_up))

        with fail_after(PATIENCE):
            submission = scenario.submit()
            await began.wait()
            submission.cancel()
            await submission.wait()

    assert ended.is_set()
    assert submission.jobs[0].status is Status.CANCELED


PROGRAM = """
import asyncio, sys, threading, time
import anyio
from asyncflow import Configuration, Orchestrator

async def swallow(_):
    print("began", flush=True)
    while True:
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            pass

async def children(_):
    await asyncio.gather(swallow(1), swallow(2))

def wait(_):
    print("began", flush=True)
    time.sleep(600)

function, executor = {
    "swallow": (swallow, "inline"),
    "children": (children, "inline"),
    "thread": (wait, "thread"),
}[sys.argv[1]]

async def main():
    config = Configuration()
    config.configure_job_executions("standalone", 1, kill_grace=0.2)
    source = config.configure_data_node("source", default_data=1)
    task = config.configure_task("work", function, source, executor=executor)
    cfg = config.configure_scenario("single", task)

    async with Orchestrator(config, ":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.submit()

if sys.argv[2] == "anyio":
    anyio.run(main)
else:
    asyncio.run(main())
"""


@pytest.mark.parametrize("runner", ["anyio", "asyncio"])
@pytest.mark.parametrize("what", ["swallow", "children", "thread"])
def test_ctrl_c_ends_the_program(what: str, runner: str, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    command = [sys.executable, "program.py", what, runner]

    with subprocess.Popen(
        command,
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "began\n"
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()

    assert process.returncode in (1, 130, -signal.SIGINT)
    assert "let go" in err


@pytest.mark.parametrize("executor", ["inline", "thread"])
@pytest.mark.blocking_jobs
async def test_the_standard_output_is_like_the_programs(executor: str) -> None:
    config = configuration()

    def look(_: object) -> tuple[object, ...]:
        out = sys.stdout
        out.buffer.write("bytes\n".encode(out.encoding, out.errors or ""))
        out.writelines(["a", "b\n"])
        assert out.writable()
        assert not out.closed

        with pytest.raises(TypeError):
            out.write(b"bytes")  # type: ignore[arg-type]

        return out.encoding, out.errors, out.newlines

    async with Orchestrator(config) as orchestrator:
        cfg = single(config, look, executor=executor)
        scenario = await orchestrator.create_scenario(cfg)

        with fail_after(PATIENCE):
            submission = await scenario.submit()

        assert await submission.jobs[0].output() == "bytes\nab\n"
        encoding, errors, newlines = await scenario.result.read()

    assert (encoding, errors) == (sys.stdout.encoding, sys.stdout.errors)
    assert newlines == sys.stdout.newlines
