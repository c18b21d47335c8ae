"""The charts of runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from asyncflow import Configuration, Orchestrator, Retry, Submission
from tests.support.flows import configuration

tries: list[int] = []


def double(number: int) -> int:
    return number * 2


def fail(number: int) -> int:
    tries.append(number)
    raise ValueError(f"no {number}")


def flow(config: Configuration) -> None:
    start = config.configure_data_node("start", default_data=1)
    middle = config.configure_data_node("middle")
    end = config.configure_data_node("end")
    never = config.configure_data_node("never")
    config.configure_scenario(
        "flow",
        [
            config.configure_task("first", double, start, middle),
            config.configure_task("again", fail, middle, end, retry=Retry(attempts=2)),
            config.configure_task("last", double, end, never),
        ],
    )


@pytest.mark.anyio
async def test_a_run_has_a_chart_while_it_runs_and_after_it(tmp_path: Path) -> None:
    config = configuration("development")
    flow(config)
    store = tmp_path / "kept.db"

    async with Orchestrator(config, store=store) as orchestrator:
        scenario = await orchestrator.create_scenario(config.scenarios["flow"])
        run = scenario.submit()
        assert run.gantt().text().count("BLOCKED") == 2
        await run.wait()
        lines = run.gantt().text().splitlines()
        assert [line.split()[:2] for line in lines[:-1]] == [
            ["✓", "first"],
            ["✗", "again"],
            ["⊘", "last"],
        ]
        assert "2 tries" in lines[1]
        assert f"<title>{run.id} FAILED</title>" in run.gantt().svg()
        bars = [row.spans[-1].doing for row in run.gantt().timeline.rows[:1]]
        assert bars == ["saving"]

    async with Orchestrator(config, store=store) as orchestrator:
        kept = await orchestrator.get(run.id)
        assert isinstance(kept, Submission)
        again = kept.gantt().text().splitlines()
        assert [line.split()[:2] for line in again] == [
            line.split()[:2] for line in lines
        ]
