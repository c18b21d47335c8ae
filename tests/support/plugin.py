"""Tests of users with the fixtures of the pytest plugin, run in a process of their own."""

from __future__ import annotations

import pytest

FLOW = """
from pathlib import Path

import pytest


def double(nb):
    return nb * 2


@pytest.fixture
def flow(asyncflow_config):
    number = asyncflow_config.configure_data_node("number", default_data=21)
    doubled = asyncflow_config.configure_data_node("doubled", default_path="d.pickle")
    task = asyncflow_config.configure_task(
        "double", double, number, doubled, crash_retries=0
    )
    return asyncflow_config.configure_scenario("doubling", task)
"""


USES = """
MARK
async def test_inline(asyncflow_orchestrator, flow, tmp_path):
    scenario = await asyncflow_orchestrator.create_scenario(flow)
    await scenario.submit()
    assert await scenario.doubled.read() == 42
    assert [path.name for path in tmp_path.iterdir()] == ["d.pickle"]


MARK
async def test_processes(asyncflow_process_orchestrator, flow, tmp_path):
    scenario = await asyncflow_process_orchestrator.create_scenario(flow)
    await scenario.submit()
    assert await scenario.doubled.read() == 42
    assert asyncflow_process_orchestrator.max_nb_of_workers == 2
    assert {"asyncflow.db", "d.pickle"} <= {path.name for path in tmp_path.iterdir()}


MARK
async def test_both(
    asyncflow_process_orchestrator, asyncflow_orchestrator, flow, asyncflow_faults
):
    asyncflow_faults.crash("double", attempt=2)
    one = await asyncflow_orchestrator.create_scenario(flow)
    other = await asyncflow_process_orchestrator.create_scenario(flow)
    await one.submit()
    crashed = await other.submit().wait()
    assert "SIGKILL" in crashed.jobs[0].reason


MARK
async def test_of_a_users_fixture(scenario):
    assert await scenario.number.read() == 21


FIXTURE
async def scenario(asyncflow_orchestrator, flow):
    return await asyncflow_orchestrator.create_scenario(flow)
"""


FOREIGN = ("hypothesispytest", "platformdirs", "typeguard", "xdist", "xdist.looponfail")
"""The plugins that have nothing to do with it, and take a third of a start."""


ONLY_ASYNCIO = "@pytest.fixture\ndef anyio_backend():\n    return 'asyncio'\n"


ASYNCIO = "import pytest_asyncio\n"


def serve(
    pytester: pytest.Pytester, mark: str, fixture: str, before: str, options: list[str]
) -> None:
    """Run tests that use each fixture; see that they pass.

    :param mark: what marks them as async tests
    :param fixture: what makes an async fixture of a user's
    :param before: what their file begins with
    """
    tests = USES.replace("MARK", mark).replace("FIXTURE", fixture)
    pytester.makepyfile(FLOW + before + tests)
    run(pytester, *options).assert_outcomes(passed=4)


def run(pytester: pytest.Pytester, *options: str) -> pytest.RunResult:
    """Run pytest in a process of its own; warnings are errors."""
    loops = ["-o", "asyncio_default_fixture_loop_scope=function"]
    known = [] if "no:asyncio" in options else loops
    others = [option for name in FOREIGN for option in ("-p", f"no:{name}")]
    return pytester.runpytest_subprocess(
        "-W", "error", *others, *known, *options, timeout=50
    )
