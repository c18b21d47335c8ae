"""Whoever submits or reads much in one go leaves others their turns on the event loop."""

from __future__ import annotations

import pytest
from anyio import create_task_group, fail_after
from anyio.lowlevel import checkpoint

from asyncflow import Orchestrator, SubmissionStatus
from asyncflow.dispatch.admission import AT_ONCE
from asyncflow.values.versions import TURN
from tests.support import flows

pytestmark = pytest.mark.anyio


@pytest.mark.smoke
async def test_so_many_jobs_are_taken_in_at_once_from_however_many_runs(
    orchestrator: Orchestrator,
) -> None:
    cfg = flows.fan(orchestrator.config, flows.identity, AT_ONCE // 2)
    scenarios = [await orchestrator.create_scenario(cfg) for _ in range(4)]
    runs = [scenario.submit() for scenario in scenarios]

    assert [run.status for run in runs] == [
        *[SubmissionStatus.PENDING] * 2,
        *[SubmissionStatus.SUBMITTED] * 2,
    ]

    with fail_after(20):
        for run in runs:
            assert (await run).status is SubmissionStatus.COMPLETED


async def test_many_reads_of_small_values_let_others_go_on(
    orchestrator: Orchestrator,
) -> None:
    scenario = await orchestrator.create_scenario(
        flows.single(orchestrator.config, flows.identity)
    )
    turns = 0
    is_over = False

    async def count() -> None:
        nonlocal turns

        while not is_over:
            turns += 1
            await checkpoint()

    async with create_task_group() as group:
        group.start_soon(count)

        for _ in range(3 * TURN):
            await scenario.source.read()

        is_over = True

    assert turns >= 3
