"""The orchestrator and its store."""

from __future__ import annotations

from pathlib import Path

import pytest
from anyio import fail_after

from asyncflow import Orchestrator
from tests.support import flows
from tests.support.web import client

pytestmark = pytest.mark.anyio


async def test_numbers_are_shown_and_old_runs_removed(
    orchestrator: Orchestrator,
) -> None:
    scenario = await orchestrator.create_scenario(
        flows.chain(orchestrator.config, flows.double)
    )
    await scenario.submit()

    async with client(orchestrator) as browser:
        page = await browser.get("system")
        assert "<dt>workers</dt>" in page.text
        (worker, *_) = await orchestrator.workers()
        assert f"<td>{worker.pid}</td>" in page.text
        page = await browser.get("system", params={"days": 1})
        assert "0 runs would be removed" in page.text
        # None is a day old.
        answer = await browser.post("system/prune", data={"days": "0"})
        assert "0+runs" in answer.headers["location"]
        assert len(await orchestrator.submissions()) == 1


async def test_workers_tell_where_they_are(orchestrator: Orchestrator) -> None:
    config = flows.chain(orchestrator.config, flows.block)
    submission = await (await orchestrator.create_scenario(config)).submit().accepted()
    (job,) = submission.jobs

    async with client(orchestrator) as browser:
        text = ""

        with fail_after(30):
            while "in block" not in text:
                text = (await browser.get("system?stacks=1")).text

        page = await browser.get(f"jobs/{job.id}", params={"stack": 1})
        assert "in block" in page.text
        submission.cancel()

        with fail_after(30):
            await submission.wait()

        page = await browser.get(f"jobs/{job.id}", params={"stack": 1})
        assert "It does not run" in page.text


async def test_the_store_is_measured(tmp_path: Path) -> None:
    config = flows.configuration()
    cfg = flows.chain(config, flows.double)

    async with Orchestrator(config, tmp_path / "runs.db") as orchestrator:
        await orchestrator.create_scenario(cfg, inputs={"n0": [*range(100_000)]})

        async with client(orchestrator) as browser:
            page = await browser.get("system")
            assert "What jobs printed, in it</dt><dd>about 0 bytes<" in page.text
            assert "KiB in 1 file<" in page.text
