"""The command `asyncflow`, called in this process or in one of its own."""

from __future__ import annotations

import json
import subprocess
import sys
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
