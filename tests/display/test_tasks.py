"""What pictures of entities and of runs show."""

from __future__ import annotations

import pytest

from asyncflow import Configuration, Orchestrator, Scope, SubmissionFailed
from tests.support.flows import configuration


def double(number: int) -> int:
    return number * 2


def fail(number: int) -> int:
    raise ValueError(number)


def flow(config: Configuration) -> None:
    start = config.configure_data_node("start", default_data=1, scope=Scope.GLOBAL)
    middle = config.configure_data_node("middle", "in_memory")
    end = config.configure_data_node("end")
    first = config.configure_task("first", double, start, middle)
    second = config.configure_task("fail", fail, middle, end)
    config.configure_scenario("flow", [first, second], sequences={"tail": [second]})


@pytest.mark.anyio
async def test_scenarios_their_parts_and_runs_have_pictures() -> None:
    config = configuration("development")
    flow(config)

    declared = config.scenarios["flow"].dag()

    async with Orchestrator(config, store="memory://") as orchestrator:
        scenario = await orchestrator.create_scenario(config.scenarios["flow"])
        assert scenario.dag().text() == (
            "1  first  start → middle\n"
            "2  fail   middle → end\n"
        )  # fmt: skip
        assert declared.mermaid() == scenario.dag().mermaid()
        assert scenario.sequences["tail"].dag().text() == "1  fail  middle → end\n"
        assert scenario.tasks["first"].dag().text() == "1  first  start → middle\n"
        picture = scenario.dag().svg()
        assert f"<title>{scenario.id}</title>" in picture
        assert "<title>first, double</title>" in picture
        assert "<title>start, pickle, GLOBAL</title>" in picture
        assert "<title>middle, in_memory</title>" in picture

        with pytest.raises(SubmissionFailed):
            await (run := scenario.submit())

        assert run.dag().text() == (
            "1  first  start → middle  ✓ COMPLETED\n"
            "2  fail   middle → end    ✗ FAILED\n"
        )  # fmt: skip
        assert f"<title>{run.id} FAILED</title>" in run.dag().svg()
