"""What has happened in a run."""

from __future__ import annotations

from pathlib import Path

import pytest
from anyio import fail_after

from asyncflow import Orchestrator, Retry
from asyncflow.web.pages.run_history import history, never_written, waits_for
from tests.support import flows
from tests.support.web import client

pytestmark = pytest.mark.anyio


async def test_all_is_told_the_last_first(orchestrator: Orchestrator) -> None:
    config = flows.single(
        orchestrator.config, flows.fail, retry=Retry(attempts=2, wait=0)
    )
    submission = await (await orchestrator.create_scenario(config)).submit().wait()
    told = [each.what for each in history(submission, submission.jobs)]
    assert told[0] == "the run ended: FAILED"
    assert told[-1] == "the run was submitted"
    assert any(text.startswith("attempt 1 failed: ") for text in told)
    assert any(text.startswith("FAILED: ") for text in told)

    async with client(orchestrator) as browser:
        page = await browser.get(f"runs/{submission.id}")
        assert "attempt 1 failed" in page.text
        report = await browser.get(f"runs/{submission.id}/report")
        assert report.text.startswith("<!doctype html>")
        assert f"{submission.id}.html" in report.headers["content-disposition"]


async def test_what_jobs_wait_for_is_named(
    orchestrator: Orchestrator, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    first = flows.single(orchestrator.config, flows.wait_for_file, str(gate))
    (task,) = first.tasks
    result = orchestrator.config.configure_data_node("more")
    second = orchestrator.config.configure_task(
        "second", flows.double, task.output[0], result
    )
    config = orchestrator.config.configure_scenario("two", [task, second])
    submission = await (await orchestrator.create_scenario(config)).submit().accepted()
    waiting = submission.jobs[1]
    assert waits_for(submission.jobs)[waiting.id] == f"waits for {task.output[0].id}"

    async with client(orchestrator) as browser:
        page = await browser.get(f"runs/{submission.id}")
        assert f"waits for {task.output[0].id}" in page.text

    gate.touch()

    with fail_after(30):
        await submission.wait()

    assert waits_for(submission.jobs) == {}


async def test_data_that_a_run_waits_for_is_named(orchestrator: Orchestrator) -> None:
    given = orchestrator.config.configure_data_node("given")
    made = orchestrator.config.configure_data_node("made")
    task = orchestrator.config.configure_task("double", flows.double, given, made)
    config = orchestrator.config.configure_scenario("waiting", [task])
    scenario = await orchestrator.create_scenario(config)
    submission = await scenario.submit(wait_for_data=True).accepted()
    assert never_written(submission) == ["given"]

    async with client(orchestrator) as browser:
        page = await browser.get(f"runs/{submission.id}")
        assert "never written: given" in page.text
        page = await browser.get(f"scenarios/{scenario.id}")
        assert "never written" in page.text

    await scenario.data_nodes["given"].write(1)

    with fail_after(30):
        await submission
