"""What an orchestrator is doing, in numbers."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from pathlib import Path

import pytest

from asyncflow import NotOpen, Orchestrator, Statistics, Status
from tests.support import flows
from tests.support.flows import chain, configuration, fan, single

pytestmark = pytest.mark.anyio


@pytest.mark.smoke
async def test_statistics(tmp_path: Path) -> None:
    config = configuration()
    path = tmp_path / "go"
    cfg = chain(config, flows.wait_for_file, flows.fail, flows.identity)
    wide = fan(config, flows.wait_for_file, 4)

    async with Orchestrator(config, tmp_path / "r.db") as orchestrator:
        before = orchestrator.statistics()
        long = await orchestrator.create_scenario(cfg)
        broad = await orchestrator.create_scenario(wide)
        await long.n0.write(str(path))
        await broad.source.write(str(path))
        runs = [long.submit(), broad.submit()]

        for run in runs:
            await flows.until_started(run)

        during = orchestrator.statistics()
        path.touch()

        for run in runs:
            await run.wait()

        after = orchestrator.statistics()

    plain = before.as_dict()
    assert json.loads(json.dumps(plain)) == plain
    assert before.workers in (0, 1)  # one starts while it is opened
    assert before == Statistics(
        workers=before.workers,
        max_nb_of_workers=2,
        queued=0,
        running=0,
        waiting=0,
        runs=0,
        store_error=None,
        store_error_since=None,
        commits=before.commits,
        finished=dict.fromkeys(before.finished, 0),
    )
    assert (during.running, during.queued, during.waiting) == (2, 3, 2)
    assert (during.runs, after.runs) == (2, 0)
    assert after.workers == 2
    assert after.commits > before.commits
    counts = Counter(itertools.chain(*(run.counts() for run in runs)))
    assert set(counts) == {Status.COMPLETED, Status.FAILED, Status.ABANDONED}
    assert dict(after.finished) == {
        Status.COMPLETED: 5,
        Status.SKIPPED: 0,
        Status.FAILED: 1,
        Status.CANCELED: 0,
        Status.ABANDONED: 1,
    }

    with pytest.raises(NotOpen):
        orchestrator.statistics()


async def test_statistics_in_one_process(tmp_path: Path) -> None:
    config = configuration("development")
    scenario_cfg = single(config, flows.double)

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(scenario_cfg)
        await scenario.submit()
        numbers = orchestrator.statistics()

    assert (numbers.workers, numbers.max_nb_of_workers) == (0, 1)
    assert numbers.finished[Status.COMPLETED] == 1
