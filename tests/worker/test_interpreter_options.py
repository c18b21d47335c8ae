"""The options of the interpreter, which workers are started with too."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import asyncflow

ROOT = Path(asyncflow.__file__).parent.parent

SCRIPT = """
import sys
import anyio
from asyncflow import Config, Orchestrator

def seen(_):
    try:
        assert False
    except AssertionError:
        asserts = True
    else:
        asserts = False
    return asserts, tuple(sys.flags), sys._xoptions

async def main():
    made = Config.configure_data_node("made")
    source = Config.configure_data_node("source", default_data=1)
    cfg = Config.configure_scenario("s", [Config.configure_task("seen", seen, source, made)])
    Config.configure_job_executions("standalone", 1)
    async with Orchestrator(store=":memory:") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)
        await scenario.submit()
        assert await scenario.made.read() == seen(None), (await scenario.made.read(), seen(None))

anyio.run(main)
"""


def python(*arguments: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "options",
    [
        ("-O",),
        ("-OO", "-X", "utf8", "-b"),
        ("-X", "int_max_str_digits=700", "-s", "-P"),
        ("-X", "dev", "-X", "warn_default_encoding"),
    ],
    ids=" ".join,
)
def test_jobs_have_the_options_of_the_program(
    options: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    python(*options, "script.py", folder=tmp_path)


def test_what_looks_at_one_process_stays_there(tmp_path: Path) -> None:
    code = "from asyncflow.worker.world import interpreter_options; print(interpreter_options())"
    found = python("-q", "-X", "tracemalloc=2", "-OO", "-c", code, folder=tmp_path)
    assert found == "['-OO']\n"
