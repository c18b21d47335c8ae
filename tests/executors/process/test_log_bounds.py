"""What jobs print, much of it: on the disk, in memory, and as it is followed."""

from __future__ import annotations

import os
import subprocess
import threading
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from anyio import create_task_group, fail_after, to_thread
from anyio.lowlevel import checkpoint

from asyncflow import Orchestrator
from asyncflow.abc import Log
from asyncflow.dispatch.log_reader import PIECE
from asyncflow.entities.job import state_of
from asyncflow.executors.process import log_bounds
from asyncflow.executors.process.log_bounds import LogBounds
from tests.support import flows
from tests.support.flows import configuration

pytestmark = pytest.mark.anyio


# ------------------------------------------------------------------ what running jobs print


def print_much(spec: tuple[str, str, int]) -> None:
    """Print so many megabytes, then wait for a file."""
    how, path, count = spec
    block = (b"x" * 99 + b"\n") * 10_000
    print("first", flush=True)

    if how == "child":
        command = f"head -c {count}000000 /dev/zero | tr '\\0' y"
        subprocess.run(["sh", "-c", command], check=True)
    else:
        for _ in range(count):
            os.write(1, block)

    Path(f"{path}.printed").touch()

    while not Path(path).exists():
        time.sleep(0.01)

    print("\nlast")


async def until(there: Callable[[], bool]) -> None:
    with fail_after(50):
        while not await to_thread.run_sync(there):
            await checkpoint()


@pytest.mark.parametrize("how", ["itself", "child"])
async def test_the_log_of_a_running_job_is_bounded_on_the_disk(
    how: str, tmp_path: Path
) -> None:
    path = str(tmp_path / "go")
    config = configuration(workers=1, max_log_size=100_000)
    cfg = flows.single(config, print_much, (how, path, 60))

    async with Orchestrator(config, ":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = scenario.submit()
        (job,) = submission.jobs
        await until(Path(f"{path}.printed").exists)
        state = state_of(job)
        assert state.log is not None
        log = Path(state.log.path)
        assert (await to_thread.run_sync(log.stat)).st_size > 60_000_000
        await until(lambda: log.stat().st_blocks * 512 < 1_500_000)
        output = await job.output()
        assert output.startswith("first\n")
        assert output.endswith("x\n" if how == "itself" else "yyy")
        assert "bytes left out" in output
        assert len(output) < 101_000
        await to_thread.run_sync(Path(path).touch)
        await submission
        output = await job.output()
        assert output.startswith("first\n")
        assert output.endswith("\nlast\n")
        assert len(output) < 101_000

        # The next job begins where this one has ended, on a disk that is as good as empty.
        await scenario.source.write(("itself", path, 17))
        (job,) = (await scenario.submit()).jobs
        assert (await job.output()).startswith("first\nxxx")
        await scenario.submit()
        assert (await to_thread.run_sync(log.stat)).st_blocks * 512 < 20_000_000


async def test_a_look_spares_what_the_next_job_of_the_worker_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "1.log"
    path.write_bytes(b"1" * 10_000_000)
    begun, goes_on = threading.Event(), threading.Event()

    def fold(log: str) -> None:
        begun.set()
        assert goes_on.wait(50)

    monkeypatch.setattr(log_bounds, "fold", fold)
    bounds = LogBounds(1)

    async with create_task_group() as group:
        group.start_soon(bounds.run)
        watched = bounds.watch(Log(str(path), 0, -1, "1"))

        with fail_after(50):
            await to_thread.run_sync(begun.wait, 50)

        # The job ends, and the next one prints much, while a thread looks.
        bounds.unwatch(watched)
        path.write_bytes(b"1" * 10_000_000 + b"2" * 10_000_000)
        goes_on.set()
        group.cancel_scope.cancel()

    assert path.read_bytes()[10_000_000:] == b"2" * 10_000_000


@pytest.mark.smoke
async def test_one_endless_line_is_given_in_pieces(tmp_path: Path) -> None:
    path = str(tmp_path / "go")
    config = configuration(workers=1)
    cfg = flows.single(config, print_much, ("child", path, 8))
    pieces = []

    async with Orchestrator(config, ":memory:") as orchestrator:
        submission = (await orchestrator.create_scenario(cfg)).submit()
        (job,) = submission.jobs

        with fail_after(50):
            async for piece in job.follow():
                pieces.append(piece)

                if sum(map(len, pieces)) >= 7_900_000:
                    assert job.is_finished or await job.output()
                    await to_thread.run_sync(Path(path).touch)

    text = "".join(pieces)
    assert text == "first\n" + "y" * 8_000_000 + "\nlast\n"
    assert max(map(len, pieces)) <= 2 * PIECE


def print_lines(count: int) -> None:
    for number in range(count):
        print(f"line {number} é")


@pytest.mark.parametrize("size", [100, 10_000, 1_000_000])
async def test_following_never_loses_the_end(size: int) -> None:
    config = configuration(workers=1, max_log_size=size)
    cfg = flows.single(config, print_lines, 4001)

    async with Orchestrator(config, ":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        for _ in range(5):
            submission = scenario.submit()
            (job,) = submission.jobs

            with fail_after(50):
                lines = [line async for line in job.follow()]

            assert lines[-1] == "line 4000 é\n"
            kept = [one for one in lines if "left out" not in one]
            assert len(lines) - len(kept) <= 1
            assert len(kept) == len(lines) == 4001 or len(kept) < len(lines)


# --------------------------------------------------------------------- in this process


def print_for_ever(count: int) -> None:
    print("first")

    for _ in range(count):
        print("x" * 999)

    print("é" * 100)
    print("last")


@pytest.mark.blocking_jobs
@pytest.mark.parametrize("executor", ["inline", "thread", "process"])
async def test_much_output_is_not_held_in_memory(executor: str) -> None:
    config = configuration(workers=1, max_log_size=1000)
    cfg = flows.single(config, print_for_ever, 0, executor=executor)

    async with Orchestrator(config, ":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        # The first run pins the texts of the modules that other tests have loaded.
        await scenario.submit()
        await scenario.source.write(50_000)
        tracemalloc.start()

        try:
            submission = await scenario.submit()
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

        assert peak < 5_000_000
        output = await submission.jobs[0].output()
        assert output.startswith("first\nxxx")
        assert output.endswith("x\n" + "é" * 100 + "\nlast\n")
        assert f"... {6 + 50_000_000 + 201 + 5 - 1000} bytes left out ..." in output
