"""``await scenario.submit(progress=True)``: shown on a terminal, and nowhere else."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest
from anyio import fail_after

from asyncflow import Configuration, Orchestrator
from tests.support.flows import chain, configuration, double, single
from tests.support.programs import run
from tests.support.terminal import terminal

PROGRAM = """
import anyio, os, sys
import asyncflow
from asyncflow import Config, Orchestrator

def work(number):
    asyncflow.report(2, 5, "steps")
    if os.path.exists("go"):
        with open("go") as pipe:
            pipe.read()
    print("printed")
    return number

number = Config.configure_data_node("number", default_data=1)
result = Config.configure_data_node("result")
sales = Config.configure_scenario("sales", Config.configure_task("work", work, number, result))
Config.configure_job_executions(sys.argv[1], None)

async def main():
    async with Orchestrator() as orchestrator:
        scenario = await orchestrator.create_scenario(sales)
        submission = await scenario.submit(progress=True)
        print("status", submission.status)

anyio.run(main)
"""


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.anyio
async def test_what_it_shows_ends_with_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    config = configuration("development")
    cfg = chain(config, double, double)
    screen = Screen()
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setitem(sys.modules, "rich.progress", None)

    async with Orchestrator(config, ":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = scenario.submit(progress=True, user="Zoë")
        await submission

        lines = screen.getvalue().splitlines()
        assert [line.partition(" COMPLETED")[0] for line in lines] == [
            "[1/2] t0",
            "[2/2] t1",
        ]

        with fail_after(10):
            await submission.wait()


@pytest.mark.anyio
async def test_it_is_a_flag(config: Configuration) -> None:
    cfg = single(config, double)

    async with Orchestrator(config, ":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        with pytest.raises(TypeError, match="progress is True or False"):
            scenario.submit(progress="bar")  # type: ignore[arg-type]


@pytest.mark.parametrize("columns", ["40", "200"])
@pytest.mark.parametrize("mode", ["development", "standalone"])
def test_a_script_in_a_terminal(tmp_path: Path, mode: str, columns: str) -> None:
    (tmp_path / "script.py").write_text(PROGRAM)
    os.mkfifo(tmp_path / "go")

    with terminal("script.py", mode, folder=tmp_path, COLUMNS=columns) as screen:
        screen.until(
            r" 40%.*steps"
        )  # while the job waits, which may hold the event loop
        (tmp_path / "go").write_text("")
        screen.until("status COMPLETED")
        assert screen.ended() == 0

    assert "printed" in screen.text


def test_a_script_in_a_pipe(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(PROGRAM)
    output = run("script.py", "standalone", folder=tmp_path)
    assert output == "printed\nstatus COMPLETED\n"
