"""Opening an orchestrator: a worker starts meanwhile, and none is left behind."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from anyio import fail_after, to_process, to_thread
from anyio.lowlevel import checkpoint

from asyncflow import Orchestrator, StoreFailed, SubmissionFailed
from asyncflow.executors.process.pool import Pool
from tests.support import flows
from tests.support.flows import fan, single

if TYPE_CHECKING:
    from tests.conftest import Watch

pytestmark = pytest.mark.anyio

PATIENCE = 30.0

configuration = partial(flows.configuration, prewarm=None)


@pytest.fixture
async def pool() -> Pool:
    """The pool of the running loop; its users are the orchestrators alone."""
    opened = await Pool.open()
    await opened.close()
    return opened


async def until(pool: Pool, count: int) -> None:
    """Wait until so many workers are there, and none is to come."""
    with fail_after(PATIENCE):
        while pool.workers.alive != count or pool.coming != count:
            await checkpoint()


@pytest.mark.both_loops
async def test_a_worker_starts_while_it_opens(pool: Pool) -> None:
    async with Orchestrator(configuration()) as orchestrator:
        assert pool.coming == 1
        await until(pool, 1)
        assert orchestrator.statistics().workers == 1

    assert pool.coming == 0


@pytest.mark.both_loops
async def test_the_first_job_takes_the_worker_that_starts(pool: Pool) -> None:
    config = configuration(workers=4)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(single(config, flows.pid))

        with fail_after(PATIENCE):
            await scenario.submit()

        assert list(pool.workers.by_pid) == [await scenario.result.read()]


@pytest.mark.smoke
async def test_those_that_start_before_count(pool: Pool) -> None:
    """Jobs that come while all workers start wait for them, and start no others."""
    config = configuration(workers=2, prewarm=True)

    async with Orchestrator(config) as orchestrator:
        assert pool.coming == 2
        cfg = fan(config, flows.pid, 8)
        scenario = await orchestrator.create_scenario(cfg)

        with fail_after(PATIENCE):
            await scenario.submit()

        await until(pool, 2)
        nodes = [node for name, node in scenario.data_nodes.items() if name != "source"]
        assert {await node.read() for node in nodes} <= set(pool.workers.by_pid)


@pytest.mark.both_loops
async def test_leaving_while_it_starts_leaves_nothing(pool: Pool, watch: Watch) -> None:
    """At any moment: before it is ready, while it is made safe, after that."""
    config = configuration()
    before = await to_thread.run_sync(watch.processes)

    for number in range(0, 50, 2):
        async with Orchestrator(config, ":memory:"):
            with fail_after(PATIENCE):
                for _ in range(number * number):
                    if pool.workers.alive:
                        break

                    await checkpoint()

        assert pool.coming == 0
        assert not to_process._process_pool_workers.get(())
        now = await to_thread.run_sync(watch.processes)
        assert now.keys() <= before.keys()


async def test_leaving_does_not_wait_for_it(pool: Pool) -> None:
    async with Orchestrator(configuration(), ":memory:"):
        pass

    assert not pool.workers.by_pid, "it was killed while it started"


async def test_the_start_of_a_worker_leaves_the_main_module_alone(pool: Pool) -> None:
    """The host may start workers meanwhile, which must be told the main script."""
    main = sys.modules["__main__"]
    path = getattr(main, "__file__", None)  # xdist has none

    async with Orchestrator(configuration(), ":memory:"):
        while pool.coming and not pool.workers.alive:
            assert getattr(main, "__file__", None) is path
            await checkpoint()


async def test_a_second_one_on_the_loop_starts_none(pool: Pool) -> None:
    async with Orchestrator(configuration()):
        async with Orchestrator(configuration(), ":memory:"):
            assert pool.coming == 1

        await until(pool, 1)


async def test_none_starts_in_development_mode(pool: Pool) -> None:
    config = configuration("development", prewarm=True)

    async with Orchestrator(config):
        assert pool.coming == 0

    assert to_process._process_pool_workers.get(None) is None


async def test_none_starts_where_none_is_wanted_before_a_job(pool: Pool) -> None:
    config = configuration(prewarm=False)

    async with Orchestrator(config) as orchestrator:
        assert pool.coming == 0
        scenario = await orchestrator.create_scenario(single(config, flows.pid))

        with fail_after(PATIENCE):
            await scenario.submit()

        assert list(pool.workers.by_pid) == [await scenario.result.read()]


async def test_a_store_that_cannot_be_opened(pool: Pool, tmp_path: Path) -> None:
    with pytest.raises(StoreFailed, match="is a folder"):
        async with Orchestrator(configuration(), tmp_path):
            pass

    assert pool.coming == 0


async def test_a_worker_that_cannot_start_is_told_by_its_job(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = configuration()
    python = sys.executable
    monkeypatch.setattr(sys, "executable", f"{python}-is-not-there")

    async with Orchestrator(config) as orchestrator:
        await until(pool, 0)
        scenario = await orchestrator.create_scenario(single(config, flows.double, 21))

        with pytest.raises(SubmissionFailed), fail_after(PATIENCE):
            await scenario.submit()

        monkeypatch.setattr(sys, "executable", python)

        with fail_after(PATIENCE):
            await scenario.submit()
