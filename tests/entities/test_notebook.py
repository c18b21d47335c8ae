"""Handles in a notebook, in a kernel of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from asyncflow import Configuration
from asyncflow.entities import notebook
from tests.support import notebooks

DECLARE = """
import asyncio, logging, sys, threading
logging.basicConfig(stream=sys.stdout, format="%(message)s")
from asyncflow import Config, Orchestrator
from asyncflow.entities.notebook import _shown

def loud(number):
    print("<b>loud</b>")
    return number + 1

def bad(number):
    raise ValueError("<b>no</b>")

a, b, c = (Config.configure_data_node(name) for name in "abc")
a = Config.configure_data_node("a", default_data=41)
tasks = [Config.configure_task("loud", loud, a, b), Config.configure_task("bad", bad, b, c)]
flow = Config.configure_scenario("flow", tasks)
Config
"""
OPEN = """
before = {*threading.enumerate()}
orchestrator = Orchestrator(store=":memory:")
await orchestrator.__aenter__()
scenario = await orchestrator.create_scenario(flow)
display(scenario)
await asyncio.gather(*_shown)
"""
RUN = """
run = scenario.submit()
display(run)
await run.wait()
await asyncio.gather(*_shown)
"""
JOBS = """
for job in run.jobs:
    display(job)
await asyncio.gather(*_shown)
"""
NODE = """
await scenario.a.write([{"name": "<i>ann</i>", "age": 3}] * 20, editor_id="ann")
display(scenario.a)
await asyncio.gather(*_shown)
"""
LIST = "display(run.jobs, await orchestrator.scenarios(), [run], [1, 2])"
REDEFINE = """
def loud(number):
    return number + 2

from asyncflow.log import logger
await scenario.submit().wait()
logger.wait()
"""
RENEW = """
scenario = await orchestrator.create_scenario(flow)
await scenario.submit().wait()
logger.wait()
print(await scenario.b.read())
"""
CLOSE = """
await orchestrator.__aexit__(None, None, None)
left = [thread.name for thread in {*threading.enumerate()} - before]
print([name for name in left if "AnyIO worker" not in name], len(_shown))  # of the loop
"""
SYNC = """
import asyncflow.sync as tp
tp.Orchestrator(store=":memory:").run()
made = tp.create_scenario(Config.scenarios["flow"])
run = made.submit()
run._ipython_display_().result(20)
made._ipython_display_().result(20)
display(tp.get_submissions(), tp.get_jobs())
print(made.b.read())
tp.stop()
display(made)
"""


@pytest.mark.limit(120)
def test_what_a_notebook_shows(tmp_path: Path) -> None:
    """Of all kinds of handles, of lists, and of the blocking face, in one kernel."""
    cells = [DECLARE, OPEN, RUN, JOBS, NODE, LIST, REDEFINE, RENEW, CLOSE, SYNC]
    printed = notebooks.run(cells, tmp_path)
    config, scenario, run, jobs, node, lists, *_, sync = notebooks.pages(tmp_path)

    assert "<td>loud</td><td>loud</td><td>a</td><td>b</td>" in config
    assert "<svg " in scenario
    assert "<td>41</td>" in scenario
    assert "FAILED" in run  # it was SUBMITTED when it was shown first
    assert run.count("<svg ") == 2
    assert "ValueError: &lt;b&gt;no&lt;/b&gt;" in run
    assert "&lt;b&gt;loud&lt;/b&gt;" in jobs
    assert "Traceback (most recent call last)" in jobs
    assert "<td>&lt;i&gt;ann&lt;/i&gt;</td>" in node
    assert "list, 20 rows" in node
    assert "default data" in node
    assert lists.count("<table>") == 3
    assert "SCENARIO_flow_" in lists
    assert "<script" not in "".join((config, scenario, run, jobs, node, lists, sync))

    assert any("was defined anew" in line for line in printed[6])
    assert any("as it is defined now" in line for line in printed[7])
    assert printed[7][-1] == "43"
    assert printed[8] == ["[] 0"]
    assert "43" in printed[9]
    assert sync.count("<svg ") == 4
    assert "call asyncflow.sync.Orchestrator().run() first" in sync
    assert sync.count("<table>") >= 4


def test_without_a_notebook_there_is_none() -> None:
    with pytest.raises(NotImplementedError):
        notebook.show(object(), None)

    assert "Config" in Configuration()._repr_html_()
