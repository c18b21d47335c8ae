"""The tutorial of Taipy's job execution modes, with its import lines changed alone, in the
blocking form: twice in one folder, and over the ``config.toml`` that Taipy wrote.

Its functions sleep for less here, and its time-out is as much shorter.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests.support import programs

TAIPYS_IMPORTS = """\
import taipy as tp
from taipy.core.config import Config
"""

OURS = """\
import asyncflow.sync as tp
from asyncflow import Config
"""

FUNCTIONS = """\
import time

import taipy as tp
from taipy.core.config import Config


# Normal function used by Taipy
def double(nb):
    return nb * 2

def add(nb):
    print("Wait 10 seconds in add function")
    time.sleep(10)
    return nb + 10

"""

IN_CODE = (
    FUNCTIONS
    + """\
if __name__=="__main__":
    Config.configure_job_executions(mode="standalone", max_nb_of_workers=2)

    # Configuration of Data Nodes
    input_cfg = Config.configure_data_node("my_input", default_data=21)
    intermediate_cfg = Config.configure_data_node("intermediate", default_data=21)
    output_cfg = Config.configure_data_node("my_output")

    # Configuration of tasks
    first_task_cfg = Config.configure_task("double",
                                        double,
                                        input_cfg,
                                        intermediate_cfg)

    second_task_cfg = Config.configure_task("add",
                                            add,
                                            intermediate_cfg,
                                            output_cfg)

    # Configuration of the scenario
    scenario_cfg = Config.configure_scenario(id="my_scenario",
                                            task_configs=[first_task_cfg,
                                                        second_task_cfg])

    Config.export("config.toml")

    tp.Orchestrator().run()
    scenario_1 = tp.create_scenario(scenario_cfg)
    scenario_2 = tp.create_scenario(scenario_cfg)
    scenario_1.submit()
    scenario_2.submit()

    scenario_1 = tp.create_scenario(scenario_cfg)
    scenario_1.submit(wait=True)
    scenario_1.submit(wait=True, timeout=5)
"""
)

FROM_FILE = (
    FUNCTIONS
    + """\
if __name__=="__main__":
    Config.load("config.toml")
    scenario_cfg = Config.scenarios["my_scenario"]

    tp.Orchestrator().run()
    scenario_1 = tp.create_scenario(scenario_cfg)
    scenario_2 = tp.create_scenario(scenario_cfg)
    scenario_1.submit()
    scenario_2.submit()

    scenario_1 = tp.create_scenario(scenario_cfg)
    scenario_1.submit(wait=True)
    scenario_1.submit(wait=True, timeout=5)
"""
)

OF_TAIPY = """\
[TAIPY]

[JOB]
mode = "standalone"
max_nb_of_workers = "2:int"

[DATA_NODE.my_input]
default_data = "21:int"

[DATA_NODE.intermediate]
default_data = "21:int"

[DATA_NODE.my_output]

[TASK.double]
function = "MAIN.double:function"
inputs = [ "my_input:SECTION",]
outputs = [ "intermediate:SECTION",]
skippable = "False:bool"

[TASK.add]
function = "MAIN.add:function"
inputs = [ "intermediate:SECTION",]
outputs = [ "my_output:SECTION",]
skippable = "False:bool"

[SCENARIO.my_scenario]
tasks = [ "double:SECTION", "add:SECTION",]
additional_data_nodes = []

[SCENARIO.my_scenario.comparators]

[SCENARIO.my_scenario.sequences]

"""

REPORT = """
import asyncflow.sync as tp
tp.Orchestrator().run()
scenarios = [tp.get(each.id) for each in tp.get_scenarios()]
jobs = tp.get_jobs()
print(*(each.my_output.read() for each in scenarios))
print(len(jobs), *{str(job.status) for job in jobs})
"""
"""What scripts have made, in the store of their folder."""


def ran(folder: Path, text: str) -> list[str]:
    """Run a script of the tutorial; return what it prints."""
    assert TAIPYS_IMPORTS in text
    text = text.replace(TAIPYS_IMPORTS, OURS)
    text = text.replace("sleep(10)", "sleep(0.2)").replace("timeout=5", "timeout=0.1")
    script = folder / "main.py"
    script.write_text(text)
    return programs.run(script, folder=folder).splitlines()


WAITS = ["Wait 10 seconds in add function"] * 4


@pytest.mark.limit(120)
@pytest.mark.parametrize("text", [IN_CODE, FROM_FILE], ids=["code", "file"])
@pytest.mark.parametrize("main", ["__main__", "__mp_main__"])
def test_twice_in_one_folder_over_the_file_of_taipy(
    tmp_path: Path, text: str, main: str
) -> None:
    file = tmp_path / "config.toml"
    file.write_text(OF_TAIPY.replace("MAIN", main))

    for count in (1, 2):
        assert ran(tmp_path, text) == WAITS
        made = programs.run("-c", REPORT, folder=tmp_path).splitlines()
        assert made == [" ".join(["52"] * 3 * count), f"{8 * count} COMPLETED"]

    tables = tomllib.loads(file.read_text())
    assert ("TAIPY" in tables) is (text is FROM_FILE)

    if text is IN_CODE:
        assert tables["TASK"]["double"]["function"] == "__main__:double"


@pytest.mark.limit(120)
@pytest.mark.parametrize("mode", ["standalone", "cluster"])
def test_the_second_script_takes_what_the_first_has_exported(
    tmp_path: Path, mode: str
) -> None:
    if mode == "cluster":
        pytest.importorskip("distributed")

    assert ran(tmp_path, IN_CODE.replace('"standalone"', f'"{mode}"')) == WAITS
    assert f'mode = "{mode}"' in (tmp_path / "config.toml").read_text()
    assert ran(tmp_path, FROM_FILE) == WAITS
