"""What jobs may take: slots, named resources, memory."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from anyio import Event, fail_after, to_thread
from anyio.lowlevel import checkpoint

from asyncflow import (
    Orchestrator,
    Status,
    SubmissionFailed,
)
from tests.support import flows
from tests.support.flows import configuration, single

PATIENCE = 40.0
"""How long whatever may take, in seconds."""

# ------------------------------------------------------------- resources and priorities


@pytest.mark.smoke
@pytest.mark.anyio
async def test_no_more_is_taken_than_there_is() -> None:
    config = configuration(workers=6, resources={"gpu": 2, "disk": 1.5})
    taken = {"gpu": 0.0, "disk": 0.0}
    most = dict(taken)

    def using(**needs: float) -> Callable[[], object]:
        async def work() -> None:
            for name, amount in needs.items():
                taken[name] += amount
                most[name] = max(most[name], taken[name])

            for _ in range(20):
                await checkpoint()

            for name, amount in needs.items():
                taken[name] -= amount

        return work

    kinds: list[dict[str, float]] = [
        {"gpu": 1},
        {"gpu": 2},
        {"gpu": 1, "disk": 1},
        {"disk": 0.5},
    ]
    tasks = [
        config.configure_task(
            f"task{index}", using(**kinds[index % 4]), needs=kinds[index % 4]
        )
        for index in range(40)
    ]
    cfg = config.configure_scenario("greedy", tasks)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        with fail_after(PATIENCE):
            submission = await scenario.submit()

    assert submission.counts() == {Status.COMPLETED: 40}
    assert most == {"gpu": 2, "disk": 1.5}
    assert taken == {"gpu": 0, "disk": 0}


@pytest.mark.anyio
async def test_resources_come_back_from_jobs_that_fail_crash_or_are_cancelled(
    tmp_path: Path,
) -> None:
    config = configuration(workers=2, resources={"gpu": 1})
    path = str(tmp_path / "begun")
    functions = [flows.fail, flows.exit_hard, flows.touch_and_block, flows.identity]
    cfgs = []

    for index, function in enumerate(functions):
        source = config.configure_data_node(f"source{index}", default_data=path)
        task = config.configure_task(f"task{index}", function, source, needs={"gpu": 1})
        cfgs.append(config.configure_scenario(f"cfg{index}", task))

    async with Orchestrator(config) as orchestrator:
        with fail_after(PATIENCE):
            runs = [(await orchestrator.create_scenario(cfg)).submit() for cfg in cfgs]
            await to_thread.run_sync(flows.wait_for_file, path)
            assert runs[3].jobs[0].status is Status.PENDING
            runs[2].cancel()
            [await run.wait() for run in runs]

    ended = [run.jobs[0].status.value for run in runs]
    assert ended == ["FAILED", "FAILED", "CANCELED", "COMPLETED"]


@pytest.mark.anyio
async def test_runs_with_a_higher_priority_go_first() -> None:
    config = configuration(workers=1)
    order: list[object] = []
    go = Event()

    async def work(value: object) -> None:
        if value == "first":
            await go.wait()

        order.append(value)

    cfg = single(config, work, "first")

    async with Orchestrator(config) as orchestrator:
        runs = []

        for value, priority in [
            ("first", 0),
            ("low", -1),
            ("middle", 0),
            ("high", 2.5),
        ]:
            scenario = await orchestrator.create_scenario(cfg)
            await scenario.source.write(value)
            runs.append(scenario.submit(priority=priority))

        go.set()

        with fail_after(PATIENCE):
            [await run for run in runs]

    assert order == ["first", "high", "middle", "low"]


# ------------------------------------------------------------------------------ memory


def take_memory(size: int) -> tuple[int, int]:
    return len(bytearray(size)), os.getpid()


@pytest.mark.anyio
async def test_a_memory_limit_fails_the_job_and_spares_the_worker() -> None:
    config = configuration(workers=1)
    limit = 64 * 1024 * 1024
    cfg = single(config, take_memory, 1, memory_limit=limit)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        async def take(size: int) -> tuple[int, int]:
            await scenario.source.write(size)
            await scenario.submit()
            result: tuple[int, int] = await scenario.result.read()
            return result

        _, pid = await take(limit // 4)
        why = f"it took more than its memory_limit of {limit} bytes .MemoryError."

        with pytest.raises(SubmissionFailed, match=why):
            await take(4 * limit)

        assert await take(limit // 4) == (limit // 4, pid)
        free = config.configure_task(
            "free",
            take_memory,
            config.configure_data_node("size", default_data=4 * limit),
        )
        other = config.configure_scenario("other", free)
        await (await orchestrator.create_scenario(other)).submit()


# ----------------------------------------------------------------------------- workers


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("options", "changes"),
    [
        ({}, [False, False, False]),
        ({"max_jobs_per_worker": 2}, [False, True, False]),
        ({"max_worker_age": 0.000001}, [True, True, True]),
        ({"max_worker_rss": 1}, [True, True, True]),
        ({"max_worker_rss": 1 << 40, "max_worker_age": 3600.0}, [False, False, False]),
    ],
    ids=["never", "jobs", "age", "rss", "large limits"],
)
async def test_workers_are_replaced(
    options: dict[str, Any], changes: list[bool]
) -> None:
    config = configuration(workers=1, **options)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(single(config, flows.pid))
        pids = []

        for _ in range(4):
            with fail_after(PATIENCE):
                await scenario.submit()

            pids.append(await flows.result_of(scenario))
            assert orchestrator.statistics().workers <= 1

    assert [one != other for one, other in pairwise(pids)] == changes
