"""Modules that use an orchestrator while they are imported, in a worker."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import programs

JOBS = """
def use(value):
    from app import BEFORE, helper
    return helper(value) + BEFORE

def too_much(value):
    import app
    return app.AFTER
"""

SYNC = """
import asyncflow.sync as tp
from asyncflow import Config
from jobs import FUNCTION as function

BEFORE = 40

def helper(value):
    return value * 2

print("top of app")
Config.configure_job_executions(mode="standalone", max_nb_of_workers=1)
source = Config.configure_data_node("source", default_data=1)
result = Config.configure_data_node("result")
task = Config.configure_task("work", function, source, result)
cfg = Config.configure_scenario("scenario", task)
"""

OPENS = """
tp.Orchestrator(store=":memory:").run()
scenario = tp.create_scenario(cfg)
AFTER = scenario.id

def main():
    submission = scenario.submit(wait=True)
    (job,) = submission.jobs
    print(job.reason or scenario.result.read())
    tp.stop()
"""

ASYNC = """
import asyncio
from asyncflow import Orchestrator

async def run():
    async with Orchestrator(store=":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        submission = await scenario.submit().wait()
        print(submission.jobs[0].reason or await scenario.result.read())

asyncio.run(run())
AFTER = 1

def main():
    pass
"""


def run(folder: Path, function: str, opens: str) -> str:
    (folder / "jobs.py").write_text(JOBS.replace("FUNCTION", function))
    (folder / "app.py").write_text(SYNC.replace("FUNCTION", function) + opens)
    (folder / "start.py").write_text("import app\napp.main()\n")
    done = subprocess.run(
        [sys.executable, "start.py"],
        cwd=folder,
        env=programs.environment(),
        capture_output=True,
        text=True,
        timeout=programs.LIMIT,
        check=True,
    )
    return done.stdout


@pytest.mark.parametrize("opens", [OPENS, ASYNC], ids=["sync", "async"])
def test_what_stands_before_is_there_for_jobs(tmp_path: Path, opens: str) -> None:
    assert run(tmp_path, "use", opens).splitlines()[-1] == "42"


def test_what_follows_is_told(tmp_path: Path) -> None:
    (said,) = run(tmp_path, "too_much", OPENS).splitlines()[-1:]
    assert said.startswith("AttributeError: module 'app' has no attribute 'AFTER' in a")
    assert "what follows where it uses an orchestrator is not run there" in said
