"""Reports of runs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import asyncflow.sync as tp
from asyncflow import Configuration, NotOpen, Orchestrator, Submission
from asyncflow.entities import reporting
from tests.support.flows import configuration


def shout(number: int) -> int:
    print("<b>working</b>")
    return number


def fail(number: int) -> int:
    raise ValueError(f"no {number}")


def flow(config: Configuration) -> None:
    start = config.configure_data_node("start", default_data=1)
    middle = config.configure_data_node("middle")
    end = config.configure_data_node("end")
    tasks = [
        config.configure_task("first", shout, start, middle),
        config.configure_task("second", fail, middle, end),
    ]
    config.configure_scenario("flow", tasks)


@pytest.mark.anyio
async def test_a_run_is_written_as_one_page(tmp_path: Path) -> None:
    config = configuration("development")
    flow(config)
    store, file = tmp_path / "kept.db", tmp_path / "run.html"

    async with Orchestrator(config, store=store) as orchestrator:
        scenario = await orchestrator.create_scenario(config.scenarios["flow"])
        run = await scenario.submit().wait()
        assert await run.report(file) == file
        page = file.read_text(encoding="utf-8")
        assert "&lt;b&gt;working&lt;/b&gt;" in page
        assert "ValueError: no 1" in page
        assert "raise ValueError(f&quot;no {number}&quot;)" in page
        assert not [name for name in os.listdir(tmp_path) if name.endswith(".part")]

    with pytest.raises(NotOpen):
        await run.report(file)

    assert file.read_text(encoding="utf-8") == page

    async with Orchestrator(config, store=store) as orchestrator:
        kept = await orchestrator.get(run.id)
        assert isinstance(kept, Submission)
        again = await kept.report(tmp_path / "again.html")
        assert "&lt;b&gt;working&lt;/b&gt;" in again.read_text(encoding="utf-8")


@pytest.mark.anyio
async def test_of_many_jobs_the_output_of_those_that_failed_is_read_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reporting, "LOGS", 1)
    config = configuration("development")
    flow(config)

    async with Orchestrator(config, store="memory://") as orchestrator:
        scenario = await orchestrator.create_scenario(config.scenarios["flow"])
        run = await scenario.submit().wait()
        page = (await run.report(tmp_path / "run.html")).read_text(encoding="utf-8")
        assert "working" not in page
        assert "what it printed is not in this page" in page
        missing = tmp_path / "none" / "run.html"

        with pytest.raises(FileNotFoundError):
            await run.report(missing)


def test_the_blocking_face_writes_it_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    config = configuration("development")
    flow(config)

    with tp.Orchestrator(config, store="memory://"):
        scenario = tp.create_scenario(config.scenarios["flow"])
        run = scenario.submit()
        file = run.report("~/run.html")
        assert file == tmp_path / "run.html"
        assert "ValueError: no 1" in file.read_text(encoding="utf-8")
