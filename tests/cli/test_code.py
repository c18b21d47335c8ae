from __future__ import annotations

from pathlib import Path

import click
import pytest

from asyncflow.cli.code import load, overridden

TWO = """
from asyncflow import Config, Configuration
other = Configuration()
node = other.configure_data_node("node")
one = other.configure_scenario("one", other.configure_task("abs", abs, node))
"""


def test_a_scenario_is_found_by_its_id_or_its_name_there(folder: Path) -> None:
    code, name = load("flows:sales")
    assert code.scenario(name).id == "sales"
    assert code.scenario("bad").id == "bad"
    code, name = load("flows.py:sales")
    assert code.scenario(name) is code.module.sales


def test_the_only_one_needs_no_name(folder: Path) -> None:
    (folder / "flows.py").write_text(TWO)
    code, name = load("flows")
    assert code.config is code.module.other
    assert code.scenario(name).id == "one"


def test_a_module_without_scenarios(folder: Path) -> None:
    (folder / "flows.py").write_text("")
    code, name = load("flows")

    with pytest.raises(click.UsageError, match=r"call Config.configure_scenario"):
        code.scenario(name)


def test_jobs_are_executed_otherwise(folder: Path) -> None:
    code, _ = load("flows")
    code.config.configure_job_executions("standalone", 3, kill_grace=0.5, colour="red")
    overridden(code.config, {"mode": None, "max_nb_of_workers": 2})
    jobs = code.config.job_config
    assert (jobs.mode, jobs.max_nb_of_workers, jobs.kill_grace) == (
        "standalone",
        2,
        0.5,
    )
    assert jobs.properties == {"colour": "red"}
    overridden(code.config, {"mode": None})
    assert code.config.job_config is jobs
