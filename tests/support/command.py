"""The command `asyncflow`, called in this process or in one of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from asyncflow.cli.group import cli
from tests.support.programs import LIMIT, environment

FLOWS = """
import asyncflow
from asyncflow import Configuration

def extract(year):
    print("extracting", year)
    asyncflow.report(1, 2, "rows")
    return [year, 2, 3]

def total(rows):
    print("adding")
    return sum(rows)

def broken(rows):
    print("about to fail")
    raise ValueError("no such rows")

config = Configuration()
year = config.configure_data_node("year", default_data=2025)
rows = config.configure_data_node("rows")
result = config.configure_data_node("result")
report = config.configure_data_node("report")
extracting = config.configure_task("extract", extract, year, rows, skippable=True)
totalling = config.configure_task("total", total, rows, result)
breaking = config.configure_task("broken", broken, rows, report)
sales = config.configure_scenario("sales", [extracting, totalling])
bad = config.configure_scenario("bad", [extracting, breaking])
"""
"""A module of a user's: a scenario that completes, and one that fails."""


def call(*arguments: str, stdin: str = "", code: int = 0) -> Result:
    """Call the command in this process, in the current folder.

    :param code: the exit code that it is to have
    """
    result = CliRunner().invoke(cli, arguments, input=stdin, catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result


def answer(*arguments: str, **options: Any) -> Any:
    """Call the command in this process; return the JSON that it prints."""
    return json.loads(call(*arguments, "--json", **options).stdout)


def spawned(
    *arguments: str, folder: Path, stdin: str = "", **env: str
) -> subprocess.CompletedProcess[str]:
    """Call the command in a process of its own. Blocks."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "asyncflow", *arguments],
        cwd=folder,
        env=environment(**env),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )


SLOW = """
import time
import asyncflow
from asyncflow import Config

def wait(first):
    for step in range(600):
        asyncflow.report(step, 600, "steps")
        print("step", step, flush=True)
        time.sleep(0.1)

first = Config.configure_data_node("first", default_data=1)
Config.configure_scenario("slow", Config.configure_task("wait", wait, first))
Config.configure_job_executions("standalone", 1, shutdown_grace=0.1, kill_grace=0.2)
"""
"""A module of a user's with a scenario that takes a minute."""


def started(*arguments: str, folder: Path) -> subprocess.Popen[str]:
    """Start Python with some arguments, in a folder: what it prints is read from pipes."""
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def beside(*arguments: str, folder: Path) -> subprocess.Popen[str]:
    """Start a command that goes on beside the test."""
    return started("-m", "asyncflow", *arguments, folder=folder)


@contextmanager
def running(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Have a process of its own run that scenario; give it once its job has begun."""
    (folder / "slow.py").write_text(SLOW)

    with beside("run", "slow:slow", "--jsonl", folder=folder) as process:
        try:
            assert process.stdout is not None

            for line in process.stdout:
                if json.loads(line)["event"] == "JobProgressed":
                    break

            yield process
        finally:
            process.terminate()  # it removes what it has made
            process.communicate()
