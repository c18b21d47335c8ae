"""What handles say of names that newcomers try: each error names the remedy."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

import asyncflow
from asyncflow import Orchestrator, Scenario
from tests.support import flows

pytestmark = pytest.mark.anyio

WRITE = "`await scenario.source.write(value)`"
READ = "`await scenario.source.read()`"
READ_RESULT = '`await submission.read("result")`'


@pytest.fixture
async def scenario() -> AsyncIterator[Scenario]:
    config = flows.configuration("development")
    cfg = flows.single(config, flows.double, 5)

    async with Orchestrator(config, ":memory:") as orchestrator:
        yield await orchestrator.create_scenario(cfg)


@pytest.mark.parametrize(
    ("expression", "remedy"),
    [
        ("scenario.run", "`await scenario.submit()`"),
        ("scenario.result_", "did you mean 'result'?"),
        ("scenario.status", "`submission = scenario.submit()`"),
        ("scenario.delete", "`await orchestrator.delete(scenario.id)`"),
        ("scenario.submissions", "`await orchestrator.submissions("),
        ("scenario.source.value", READ),
        ("scenario.source.get", READ),
        ("scenario.source.set", WRITE),
        ("scenario.source.label", "`config_id`"),
        ("scenario.source.lock_edits", "did you mean 'lock_edit'?"),
        ("scenario.work.run", "`await scenario.work.submit()`"),
        ("scenario.work.inputs", "did you mean 'input'?"),
        ("submission.result", READ_RESULT),
        ("submission.value", READ_RESULT),
        ("submission.done", "`submission.is_finished`"),
        ("submission.exception", "`submission.error()`"),
        ("submission.events", "`async for event in submission`"),
        ("submission.tasks", "`submission.jobs`"),
        ("submission.scenario", "`submission.entity`"),
        ("submission.delete", "`await orchestrator.delete(submission.id)`"),
        ("submission.progress", "`submission.jobs[0].progress`"),
        ("job.result", '`await job.submission.read("result")`'),
        ("job.stdout", "`await job.output()`"),
        ("job.wait", "`await job.submission.wait()`"),
        ("job.traceback", "`job.stacktrace`"),
        ("output.value", "`await output.read()`"),
        ("scenario.sumbit", "did you mean 'submit'?"),
        ("orchestrator.sumbit", "did you mean 'submit'?"),
        ("orchestrator.shutdown", "`await orchestrator.close()`"),
        ("orchestrator.wait", "`await orchestrator.drain()`"),
        ("orchestrator.run", "`async with`"),
        ("asyncflow.Orchestator", "did you mean 'Orchestrator'?"),
        ("config.configure_datanode", "did you mean 'configure_data_node'?"),
    ],
)
async def test_a_name_that_is_not_there_is_answered_with_what_was_meant(
    scenario: Scenario, expression: str, remedy: str
) -> None:
    submission = await scenario.submit()
    known = {
        "scenario": scenario,
        "submission": submission,
        "job": submission.jobs[0],
        "output": submission.outputs["result"],
        "orchestrator": Orchestrator(),
        "asyncflow": asyncflow,
        "config": asyncflow.Config,
    }
    handle, _, rest = expression.partition(".")
    path, _, name = rest.rpartition(".")
    found: Any = known[handle]

    if path:
        found = getattr(found, path)

    with pytest.raises(AttributeError) as raised:
        getattr(found, name)

    assert remedy in str(raised.value)
    assert f"{name!r}" in str(raised.value)


async def test_an_output_of_a_run_is_read_from_it(scenario: Scenario) -> None:
    submission: Any = await scenario.submit()

    with pytest.raises(AttributeError, match=r"attribute 'result'.*read\(.result.\)"):
        _ = submission.result


async def test_a_value_is_written_and_not_set(scenario: Any) -> None:
    with pytest.raises(AttributeError) as raised:
        scenario.source = 5

    assert WRITE in str(raised.value)

    with pytest.raises(AttributeError) as raised:
        scenario.source.value = 5

    assert WRITE in str(raised.value)
    assert await scenario.source.read() == 5

    with pytest.raises(AttributeError, match="did you mean 'source'"):
        scenario.sorce = 5

    with pytest.raises(AttributeError, match=r"create_scenario\(..., colour=...\)"):
        scenario.colour = 5


@pytest.mark.parametrize("name", ["name", "creation_date", "properties", "id", "dag"])
async def test_what_a_scenario_was_given_stays(scenario: Any, name: str) -> None:
    before = getattr(scenario, name)

    with pytest.raises(AttributeError, match=f"{name!r} .* cannot be set"):
        setattr(scenario, name, None)

    assert getattr(scenario, name) == before


async def test_what_a_handle_shows_cannot_be_set(scenario: Any) -> None:
    submission: Any = await scenario.submit()

    with pytest.raises(AttributeError, match=r"'status' .* cannot be set"):
        submission.status = "COMPLETED"

    await scenario.add_sequence("all", [*scenario.tasks])

    with pytest.raises(AttributeError, match=r"\.rename_sequence\('all', \.\.\.\)"):
        scenario.all.name = "other"

    assert scenario.all.name == "all"

    with pytest.raises(AttributeError, match=r"'scope' .* cannot be set"):
        scenario.source.scope = "GLOBAL"


async def test_what_python_looks_for_is_just_not_there(scenario: Scenario) -> None:
    for handle in (scenario, scenario.source, scenario.work):
        assert not hasattr(handle, "__array__")
        assert not hasattr(handle, "_repr_latex_")


NAMES = {
    "get_scenarios": r"`await orchestrator.scenarios\(\)`",
    "get_latest_job": r"`await orchestrator.jobs\(newest_first=True, limit=1\)`",
    "get_data_node": r"`await orchestrator.get\(id\)`",
    "get_tasks": "`scenario.tasks`",
    "tag": r"`await scenario.add_tag\(tag\)`",
    "get_job_": "did you mean 'get_job'",
}


@pytest.mark.parametrize("name", NAMES)
def test_an_orchestrator_says_what_does_what_a_name_of_taipy_does(name: str) -> None:
    with pytest.raises(AttributeError, match=NAMES[name]):
        getattr(Orchestrator(), name)
