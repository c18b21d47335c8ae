"""Functions of the main script in values: the script's own, where that has them still."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import programs

SCRIPT = """
import sys
import anyio
from asyncflow import Config, Orchestrator

PLUS = 0

def parse(x):
    return x + PLUS

def clean(x):
    return x * 2

def outer():
    return lambda x: x - 1

NAMES = {parse: "parse", clean: "clean"}

def pick(x):
    return [parse, clean, outer()]

def use(found):
    return [NAMES.get(one) for one in found], [one(5) for one in found]

nodes = [Config.configure_data_node(name, default_data=1) for name in "xvu"]
tasks = [
    Config.configure_task("pick", pick, nodes[0], nodes[1]),
    Config.configure_task("use", use, nodes[1], nodes[2]),
]
cfg = Config.configure_scenario("s", tasks)
Config.configure_job_executions(sys.argv[1], 1)

async def main():
    global PLUS
    async with Orchestrator(store="runs.db") as orchestrator:
        scenario = await orchestrator.create_scenario(cfg, name="one", exist_ok=True)
        if sys.argv[2] == "run":
            await scenario.submit()
            print(await scenario.u.read())
        PLUS = 100
        print(use(await scenario.v.read()), PLUS)

anyio.run(main)
"""


def ran(folder: Path, text: str, *arguments: str) -> list[str]:
    script = folder / "script.py"
    script.write_text(text)
    return programs.run(script, *arguments, folder=folder).splitlines()


@pytest.mark.parametrize("mode", ["development", "standalone"])
def test_a_function_of_a_value_is_that_of_the_script(mode: str, tmp_path: Path) -> None:
    names = "['parse', 'clean', None]"
    found = ran(tmp_path, SCRIPT, mode, "run")
    assert found == [f"({names}, [5, 10, 4])", f"({names}, [105, 10, 4]) 100"]

    moved = SCRIPT.replace("def parse", "# It stands elsewhere.\n\ndef parse")
    assert ran(tmp_path, moved, mode, "read") == found[1:]

    other = SCRIPT.replace("return x * 2", "return x * 3")
    (read,) = ran(tmp_path, other, mode, "read")
    assert read == "(['parse', None, None], [105, 10, 4]) 100"
