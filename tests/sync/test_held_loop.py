"""Who calls a blocking verb on the thread of an event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from types import CodeType

import pytest
from anyio import to_thread

import asyncflow.sync as tp
from asyncflow import Configuration
from tests.support import flows, notebooks
from tests.support.flows import single
from tests.support.sync import orchestrator as orchestrator

HOLDS = "holds up the event loop of its thread"


@pytest.fixture
def scenario(config: Configuration, orchestrator: tp.Orchestrator) -> tp.Scenario:
    return tp.create_scenario(single(config, flows.double, 21))


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [line for line in map(str.strip, caplog.messages) if HOLDS in line]


VERBS: dict[str, tuple[Callable[[tp.Scenario], object], str, str]] = {
    "create": (
        lambda scenario: tp.create_scenario("single"),
        "create_scenario()",
        "await orchestrator.create_scenario()",
    ),
    "submit": (
        lambda scenario: scenario.submit(wait=True),
        "submit()",
        "await scenario.submit()",
    ),
    "submit by function": (
        lambda scenario: tp.submit(scenario, wait=True),
        "submit()",
        "await scenario.submit()",
    ),
    "read": (
        lambda scenario: scenario.source.read(),
        "read()",
        "await data_node.read()",
    ),
    "item": (
        lambda scenario: tp.get(scenario.id),
        "get()",
        "await orchestrator.get()",
    ),
    "prune": (
        lambda scenario: tp.prune(keep=10),
        "prune()",
        "await orchestrator.prune()",
    ),
}


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_in_an_endpoint_is_warned_of_once(
    scenario: tp.Scenario, caplog: pytest.LogCaptureFixture, verb: str
) -> None:
    call, name, form = VERBS[verb]

    def between() -> None:
        call(scenario)

    async def endpoint() -> None:
        between()
        between()

    asyncio.run(endpoint())
    (line,) = told(caplog)
    assert line.startswith(f"{name} at test_held_loop.py:")
    assert "<locals>.endpoint" in line
    assert f"`{form}`" in line


def test_a_verb_in_a_callback_of_the_loop_is_warned_of(
    scenario: tp.Scenario, caplog: pytest.LogCaptureFixture
) -> None:
    async def endpoint() -> None:
        done = asyncio.Event()

        def callback() -> None:
            scenario.plan()
            done.set()

        asyncio.get_running_loop().call_soon(callback)
        await done.wait()

    asyncio.run(endpoint())
    (line,) = told(caplog)
    assert "in a callback of the loop" in line


def test_threads_are_meant_to_block(
    scenario: tp.Scenario, caplog: pytest.LogCaptureFixture
) -> None:
    async def endpoint() -> None:
        await to_thread.run_sync(scenario.plan)

    asyncio.run(endpoint())

    thread = threading.Thread(target=scenario.plan)
    thread.start()
    thread.join()
    assert told(caplog) == []


def test_a_lifespan_may_wait_for_the_end(
    config: Configuration, caplog: pytest.LogCaptureFixture
) -> None:
    async def lifespan() -> None:
        with tp.Orchestrator(config, ":memory:"):
            await asyncio.sleep(0)

        tp.Orchestrator(config, ":memory:").run()
        tp.stop()

    asyncio.run(lifespan())
    assert told(caplog) == []


def cell(code: str) -> CodeType:
    return compile(code, "<cell>", "exec")


def test_a_module_that_a_loop_runs_may_block(
    scenario: tp.Scenario, caplog: pytest.LogCaptureFixture
) -> None:
    """As `uvicorn app:app` imports an app, and as hosts of cells run them."""

    async def host() -> None:
        exec(cell("def f(): scenario.plan()\nf()"), {"scenario": scenario})

    asyncio.run(host())
    assert told(caplog) == []


def test_callbacks_of_a_notebook_may_block(
    scenario: tp.Scenario, caplog: pytest.LogCaptureFixture
) -> None:
    """As the handler of a widget's button, which the kernel's own coroutine calls."""
    code = "async def dispatch(handler): handler()"
    kernel: dict[str, object] = {"__name__": "ipykernel.kernelbase"}
    exec(cell(code), kernel)
    dispatch = kernel["dispatch"]
    assert callable(dispatch)
    asyncio.run(dispatch(scenario.plan))
    assert told(caplog) == []


def test_plain_cells_are_silent_and_their_coroutines_are_told(tmp_path: Path) -> None:
    declare = """
import logging, sys
logging.basicConfig(stream=sys.stdout, format="%(message)s")
import asyncflow.sync as tp
from asyncflow import Config
a, b = Config.configure_data_node("a", default_data=1), Config.configure_data_node("b")
cfg = Config.configure_scenario("sc", Config.configure_task("t", lambda x: x, a, b))
tp.Orchestrator(store=":memory:").run()
scenario = tp.create_scenario(cfg)
"""
    plain = "scenario.submit(wait=True); print(scenario.b.read())"
    awaited = """
import asyncio
from asyncflow.log import logger
async def f():
    print(scenario.b.read())
await f()
logger.wait()
"""
    printed = notebooks.run([declare, plain, awaited, "tp.stop()"], tmp_path)
    assert printed[1] == ["1"]
    assert sorted(HOLDS in line for line in printed[2]) == [False, True]
