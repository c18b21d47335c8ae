"""Where jobs run: the event loop, threads, worker processes; development mode."""

from __future__ import annotations

import functools
import os
import sys
import threading

import anyio
import pytest

from asyncflow import Orchestrator, Status, SubmissionFailed
from tests.support import flows
from tests.support.flows import chain, configuration, fan, single

pytestmark = pytest.mark.anyio


def printing(value: int) -> tuple[int, int]:
    print("to stdout")
    print("to stderr", file=sys.stderr)
    return os.getpid(), threading.get_ident()


async def printing_async(value: int) -> tuple[int, int]:
    await anyio.lowlevel.checkpoint()
    return printing(value)


class Callable:
    def __call__(self, value: int) -> int:
        return value + 1


@pytest.mark.parametrize(
    ("mode", "function", "executor", "same_process", "same_thread"),
    [
        ("development", printing, "process", True, True),
        ("development", printing, "thread", True, True),
        ("development", printing_async, "process", True, True),
        ("standalone", printing, "process", False, False),
        ("standalone", printing, "thread", True, False),
        ("standalone", printing, "inline", True, True),
        ("standalone", printing_async, "process", True, True),
    ],
)
@pytest.mark.blocking_jobs
async def test_where_a_job_runs_and_what_it_printed(
    capsys: pytest.CaptureFixture[str],
    mode: str,
    function: flows.Function,
    executor: str,
    same_process: bool,
    same_thread: bool,
) -> None:
    config = configuration(mode)
    cfg = single(config, function, executor=executor)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = await scenario.submit()
        process, thread = await scenario.result.read()
        output = await submission.jobs[0].output()

    assert (process == os.getpid()) == same_process
    assert (process == os.getpid() and thread == threading.get_ident()) == same_thread
    assert sorted(output.splitlines()) == ["to stderr", "to stdout"]
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("mode", ["development", "standalone"])
@pytest.mark.parametrize("executor", ["process", "thread"])
@pytest.mark.blocking_jobs
async def test_prints_are_echoed(
    capsys: pytest.CaptureFixture[str], mode: str, executor: str
) -> None:
    config = configuration(mode)
    config.configure_job_executions(echo=True)
    cfg = single(config, printing, executor=executor)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.submit()
        shown = "".join(capsys.readouterr())

    assert sorted(shown.splitlines()) == ["to stderr", "to stdout"]


@pytest.mark.smoke
async def test_what_waits_for_a_job_goes_on_when_that_is_shown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = configuration(workers=1, echo=True)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(single(config, printing))

        with anyio.fail_after(20):
            for run in [scenario.submit() for _ in range(3)]:
                await run

    shown = "".join(capsys.readouterr())
    assert sorted(shown.splitlines()) == ["to stderr"] * 3 + ["to stdout"] * 3


@pytest.mark.parametrize("mode", ["development", "standalone"])
@pytest.mark.parametrize("executor", ["process", "thread", "inline"])
@pytest.mark.blocking_jobs
async def test_failures_are_alike_everywhere(mode: str, executor: str) -> None:
    config = configuration(mode)
    cfg = single(config, flows.fail, executor=executor)
    exits = config.configure_task(
        "exits",
        lambda: flows.exit_python(),  # type: ignore[call-arg]  # it lacks one
        None,
        executor=executor,
    )
    unpicklable = config.configure_task(
        "unpicklable",
        lambda: flows.return_lock(1),
        None,
        config.configure_data_node("lock"),
        executor=executor,
    )
    other = config.configure_scenario("other", [exits, unpicklable])

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = await scenario.submit().wait()
        (job,) = submission.jobs
        error = submission.error()
        others = await orchestrator.create_scenario(other)
        run = await others.submit().wait()

    assert job.reason == "ValueError: no 1"
    assert job.stacktrace.count("File ") == 1
    assert "jobs.py" in job.stacktrace
    assert isinstance(error, SubmissionFailed)
    assert isinstance(error.exceptions[0].__cause__, ValueError)
    assert [job.reason.split(":")[0] for job in run.jobs] == [
        "TypeError",
        "NotPicklable",
    ]


async def test_the_limiter_holds_for_all_kinds_of_jobs() -> None:
    config = configuration(workers=3)
    running = 0
    most = 0
    three = anyio.Event()

    async def count(value: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)

        if running == 3:
            three.set()

        await three.wait()
        running -= 1
        return value

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(fan(config, count, 30))
        await scenario.submit()

    assert most == 3


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda value: value + 1, 2),
        (functools.partial(pow, 3), 3),
        (Callable(), 2),
        (len, 1),
    ],
    ids=["lambda", "partial", "object", "builtin"],
)
async def test_any_callable_travels(function: flows.Function, expected: int) -> None:
    config = configuration()
    value: object = [0] if function is len else 1

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(single(config, function, value))
        await scenario.submit()
        assert await scenario.result.read() == expected


async def test_closures_see_what_they_close_over_at_each_submit() -> None:
    config = configuration()
    factor = 2

    async with Orchestrator(config) as orchestrator:
        cfg = single(config, lambda value: value * factor, 21)
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.submit()
        assert await scenario.result.read() == 42
        factor = 3
        await scenario.submit()
        assert await scenario.result.read() == 63


async def test_large_arrays_are_mapped_and_may_be_written_into() -> None:
    numpy = pytest.importorskip("numpy")
    config = configuration()

    def fill(size: int) -> object:
        return numpy.ones(size)

    def spoil(array: object) -> float:
        array[0] = 100  # type: ignore[index]  # an array
        return float(array.sum())  # type: ignore[attr-defined]  # an array

    source = config.configure_in_memory_data_node("size", default_data=1_000_000)
    array = config.configure_in_memory_data_node("array")
    nodes = [config.configure_in_memory_data_node(f"sum{i}") for i in range(2)]
    tasks = [config.configure_task("fill", fill, source, array)]
    tasks += [
        config.configure_task(f"spoil{i}", spoil, array, nodes[i]) for i in range(2)
    ]

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(
            config.configure_scenario("arrays", tasks)
        )
        await scenario.submit()
        assert [await scenario.sum0.read(), await scenario.sum1.read()] == [
            1_000_099.0,
            1_000_099.0,
        ]
        assert (await scenario.array.read()).sum() == 1_000_000


@pytest.mark.limit(120)
async def test_ten_thousand_jobs_and_a_chain_of_five_thousand() -> None:
    config = configuration("standalone")
    wide = fan(config, flows.double, 10_000)
    long = chain(config, *[flows.identity] * 5_000)

    async with Orchestrator(config) as orchestrator:
        for cfg in (wide, long):
            scenario = await orchestrator.create_scenario(cfg)
            submission = await scenario.submit()
            assert submission.counts() == {Status.COMPLETED: len(submission.jobs)}

        assert await scenario.n5000.read() == 1
