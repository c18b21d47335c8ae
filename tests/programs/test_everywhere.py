"""The seed's example wherever Python runs: no guard, no file, no terminal is needed.

Each way must give the seed's values, run the main script once, show what jobs print,
exit with code 0 and leave nothing behind (`conftest.py` looks for that).
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.support import notebooks, programs

DECLARED = """
print("main runs")

import anyio
from asyncflow import Config, Orchestrator

def double(nb):
    return nb * 2

def add(nb):
    print("adding")
    return nb + 10

Config.configure_job_executions(mode="standalone", max_nb_of_workers=2)
my_input = Config.configure_data_node("my_input", default_data=21)
intermediate = Config.configure_data_node("intermediate", default_data=21)
my_output = Config.configure_data_node("my_output")
first = Config.configure_task("double", double, my_input, intermediate)
second = Config.configure_task("add", add, intermediate, my_output)
scenario_cfg = Config.configure_scenario("my_scenario", [first, second])
"""

MAIN = """
async def main():
    async with Orchestrator() as orchestrator:
        scenario_1 = await orchestrator.create_scenario(scenario_cfg)
        scenario_2 = await orchestrator.create_scenario(scenario_cfg)
        submissions = [scenario_1.submit(), scenario_2.submit()]

        for submission in submissions:
            await submission

        await scenario_1.submit(timeout=20)

        for scenario in (scenario_1, scenario_2):
            print("value", await scenario.my_output.read())
"""

SCRIPT = f"{DECLARED}{MAIN}\nanyio.run(main)\n"
GUARDED = f'{DECLARED}{MAIN}\nif __name__ == "__main__":\n    anyio.run(main)\n'
SYNC = """
import asyncflow.sync as tp

tp.Orchestrator().run()
scenario = tp.create_scenario(scenario_cfg)
scenario.submit(wait=True)
print("value", scenario.my_output.read())
"""

PRINTED = ["main runs", "adding", "adding", "adding", "value 52", "value 52"]


def test_a_script_without_a_main_guard(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    assert programs.run("script.py", folder=tmp_path).splitlines() == PRINTED


def test_a_script_with_a_main_guard(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(GUARDED)
    assert programs.run("script.py", folder=tmp_path).splitlines() == PRINTED


def test_a_module_with_relative_imports(tmp_path: Path) -> None:
    package = tmp_path / "pkg"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "amounts.py").write_text("TWO, TEN = 2, 10\n")
    code = SCRIPT.replace("import anyio", "import anyio\nfrom .amounts import TWO", 1)
    code = code.replace("return nb * 2", "return nb * TWO")
    code = code.replace(
        "return nb + 10", "from .amounts import TEN\n    return nb + TEN"
    )
    (package / "main.py").write_text(code)
    out = programs.run("-m", "pkg.main", folder=tmp_path)
    assert out.splitlines() == PRINTED


def test_a_script_on_stdin(tmp_path: Path) -> None:
    out = programs.run("-", folder=tmp_path, stdin=SCRIPT)
    assert out.splitlines() == PRINTED


def test_a_command(tmp_path: Path) -> None:
    assert programs.run("-c", SCRIPT, folder=tmp_path).splitlines() == PRINTED


def test_lambdas_and_closures(tmp_path: Path) -> None:
    code = SCRIPT.replace('"double", double,', '"double", lambda nb: nb * 2,')
    code = code.replace('"add", add,', '"add", plus(10),')
    code = code.replace(
        "def add(nb):",
        """def plus(amount):
    def add(nb):
        print("adding")
        return nb + amount

    return add

def unused(nb):""",
    )
    out = programs.run("-c", code, folder=tmp_path)
    assert out.splitlines() == PRINTED


def test_an_interactive_session(tmp_path: Path) -> None:
    """Functions that are in no file at all; the blocking face at the prompt."""
    # The prompt takes one statement after the other; an empty line ends a block.
    typed = re.sub(r"(\n    .*)\n(?!    |\n)", r"\1\n\n", DECLARED + SYNC)
    done = subprocess.run(
        [sys.executable, "-i"],
        cwd=tmp_path,
        env=programs.environment(),
        input=typed,
        capture_output=True,
        text=True,
        timeout=programs.LIMIT,
        check=False,
    )
    assert done.returncode == 0
    assert "Traceback" not in done.stderr, done.stderr
    lines = done.stdout.splitlines()
    expected = ["main runs", "adding", "value 52"]
    assert [line for line in lines if line in expected] == expected


# --------------------------------------------------------------------------- notebooks

OPEN = """
orchestrator = await Orchestrator().open()
scenario = await orchestrator.create_scenario(scenario_cfg)
await scenario.submit()
print("value", await scenario.my_output.read())
"""

FAIL = """
def fail(nb):
    text = "a line of the cell"
    raise ValueError(text)

failing = Config.configure_task("fail", fail, my_input)
failing_cfg = Config.configure_scenario("failing", failing)
failed = (await orchestrator.create_scenario(failing_cfg)).submit()
await failed.wait()
print(failed.jobs[0].stacktrace)
"""

CLOSE = "await orchestrator.close()"


INTERRUPT = """
import os, signal, time
from asyncflow import JobStarted

def wait(nb):
    while not os.path.exists("go"):
        time.sleep(0.002)

waiting = Config.configure_task("wait", wait, my_input)
waiting_cfg = Config.configure_scenario("waiting", waiting)
run = (await orchestrator.create_scenario(waiting_cfg)).submit()

async for event in run:
    if isinstance(event, JobStarted):
        break

os.kill(os.getpid(), signal.SIGINT)  # as the kernel's "interrupt" does
await run
"""

AFTER = """
print(orchestrator.is_open, run.status.value)
open("go", "w").close()
await run
print(run.status.value)
"""


@pytest.mark.limit(120)
def test_a_notebook(tmp_path: Path) -> None:
    """Run with top-level `await`, over several cells, and with the blocking face."""
    cells = [DECLARED, MAIN, "await main()", OPEN, FAIL, CLOSE, SYNC]
    texts = notebooks.run(cells, tmp_path)
    assert texts[0] == ["main runs"]
    assert texts[2] == PRINTED[1:]
    assert texts[3] == ["adding", "value 52"]
    assert "    raise ValueError(text)" in texts[4]
    assert "ValueError: a line of the cell" in texts[4]
    assert texts[6] == ["adding", "value 52"]


@pytest.mark.limit(120)
def test_a_run_survives_an_interrupted_cell(tmp_path: Path) -> None:
    texts = notebooks.run(
        [DECLARED, OPEN, INTERRUPT, AFTER, CLOSE], tmp_path, raising=(INTERRUPT,)
    )
    assert texts[3] == ["True RUNNING", "COMPLETED"]


# --------------------------------------------------------------------------- a web server

APP = """
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

@asynccontextmanager
async def lifespan(app):
    print("main runs")

    async with Orchestrator() as orchestrator:
        yield {"orchestrator": orchestrator}

async def values(request):
    orchestrator = request.state.orchestrator
    scenario_1 = await orchestrator.create_scenario(scenario_cfg)
    scenario_2 = await orchestrator.create_scenario(scenario_cfg)
    submissions = [scenario_1.submit(), scenario_2.submit()]

    for submission in submissions:
        await submission

    await scenario_1.submit(timeout=20)
    scenarios = (scenario_1, scenario_2)
    return JSONResponse([await scenario.my_output.read() for scenario in scenarios])

app = Starlette(routes=[Route("/", values)], lifespan=lifespan)
"""


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_web_server(tmp_path: Path, loop: str) -> None:
    # Its functions are in a module that workers import as well, and so would print.
    (tmp_path / "app.py").write_text(DECLARED.replace('print("main runs")', "") + APP)

    with programs.server("app:app", "--loop", loop, folder=tmp_path) as server:
        assert httpx.get(server.url, timeout=programs.LIMIT).json() == [52, 52]

    assert server.printed == PRINTED[:4]
