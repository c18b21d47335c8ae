"""What notebooks show of handles."""

from __future__ import annotations

import pytest

from asyncflow import Configuration, Orchestrator
from asyncflow.entities import rich
from asyncflow.selection import Preview
from tests.support.flows import configuration


def fail(number: int) -> int:
    raise ValueError(f"<b>{number}</b>")


def flow(config: Configuration) -> None:
    start = config.configure_data_node("start", default_data=1)
    ends = [config.configure_data_node(f"end_{at}") for at in range(12)]
    tasks = [
        config.configure_task(f"task_{at}", fail, start, end)
        for at, end in enumerate(ends)
    ]
    config.configure_scenario("flow", tasks)


@pytest.mark.anyio
async def test_what_is_known_is_shown_without_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = configuration("development")
    flow(config)

    async with Orchestrator(config, store="memory://") as orchestrator:
        scenario = await orchestrator.create_scenario(config.scenarios["flow"])
        run = await scenario.submit().wait()
        page = run._repr_html_() or ""
        assert "<td>status</td><td>FAILED</td>" in page
        assert page.count("ValueError: &lt;b&gt;1&lt;/b&gt;</td>") == rich.FAILURES
        assert "failed: 12" in page

        monkeypatch.setattr(rich, "DRAWN", 11)
        assert "<svg " not in (run._repr_html_() or "")

        job = run.jobs[0]._repr_html_() or ""
        assert "Traceback" in job
        assert "await job.output() gives what it has printed" in job
        assert "await data_node.preview()" in (scenario.start._repr_html_() or "")
        assert "<td>never</td>" in (scenario.end_1._repr_html_() or "")
        assert "<svg " in (scenario.tasks["task_1"]._repr_html_() or "")
        assert (await anext(rich.pages(run.jobs[0], run.jobs[0]._shown()))) != job
        assert [
            one async for one in rich.pages(run, run._shown())
        ] == []  # it has ended


def test_a_value_is_told_in_a_line() -> None:
    assert rich.told(Preview("int", ("value",), ((5,),), 1)) == "5"
    assert rich.told(Preview("list", ("a", "b"), ((1, 2),), 9)) == (
        "list, 9 rows, 2 columns"
    )
