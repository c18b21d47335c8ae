"""What is ready may wait for more, but only for a moment."""

from __future__ import annotations

import time
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

import pytest
from anyio import fail_after

from asyncflow import Event, JobFinished, Listener, Notification, Orchestrator, Status
from asyncflow.abc import Call, Watch
from asyncflow.dispatch.batching import LISTENED
from asyncflow.executors.process.executor import ProcessExecutor
from tests.support import flows

pytestmark = pytest.mark.anyio


def maybe_wait(value: object) -> object:
    """Be short, but for the path of a file: wait until that is there."""
    if isinstance(value, str):
        while not Path(value).exists():
            time.sleep(0.002)

    return value


@pytest.mark.smoke
async def test_a_short_job_does_not_wait_for_one_that_is_not(
    orchestrator: Orchestrator, tmp_path: Path
) -> None:
    cfg = flows.single(orchestrator.config, maybe_wait)
    scenario = await orchestrator.create_scenario(cfg)
    await flows.make_short(orchestrator, scenario)
    slow = await orchestrator.create_scenario(cfg)
    gate = tmp_path / "gate"
    await slow.source.write(str(gate))

    with fail_after(20):
        first = slow.submit()
        second = scenario.submit()  # it may be sent with more, if there is more
        await second
        assert not first.is_finished
        assert first.jobs[0].status is Status.RUNNING
        gate.touch()
        await first


async def test_what_gathers_goes_together(orchestrator: Orchestrator) -> None:
    """Many short runs that become ready one by one all end, in whatever loads."""
    cfg = flows.chain(orchestrator.config, maybe_wait)
    scenario = await orchestrator.create_scenario(cfg)
    await flows.make_short(orchestrator, scenario)
    scenarios = [await orchestrator.create_scenario(cfg) for _ in range(40)]

    with fail_after(20):
        runs = []

        for one in scenarios:
            runs.append(one.submit())
            await runs[0].accepted()

        finished = 0

        for run in runs:
            async for event in run:
                finished += isinstance(event, JobFinished)

    assert finished == 40


async def test_batches_are_smaller_where_somebody_listens(
    orchestrator: Orchestrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their ends are taken at once, and who listens has turns in between."""
    cfg = flows.fan(orchestrator.config, maybe_wait, 300)
    scenario = await orchestrator.create_scenario(cfg)
    await flows.make_short(orchestrator, scenario)
    sizes: list[int] = []
    run = ProcessExecutor.run

    def counted(
        executor: ProcessExecutor, calls: Sequence[Call], watch: Watch
    ) -> Coroutine[Any, Any, None]:
        sizes.append(len(calls))
        return run(executor, calls, watch)

    monkeypatch.setattr(ProcessExecutor, "run", counted)
    most = ProcessExecutor.max_batch

    with fail_after(40):
        await scenario.submit()
        assert most // LISTENED < max(sizes) <= most
        sizes.clear()

        async with orchestrator.listen(Listening()):
            await scenario.submit()

    assert sum(sizes) >= 300  # what a slow machine takes back travels again
    assert 1 < max(sizes) <= most // LISTENED


class Listening(Listener):
    def wants(self, kind: type[Event] | None) -> bool:
        return kind is not None

    def take(self, notification: Notification) -> None:
        pass

    def end(self, failure: Exception | None) -> None:
        pass
