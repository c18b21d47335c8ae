"""The pytest plugin: fixtures for tests of flows.

They serve async tests of anyio's plugin (``pytest.mark.anyio``) and of pytest-asyncio,
each in its strict and in its automatic mode.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from asyncflow.config import Configuration
    from asyncflow.orchestrator import Orchestrator
    from asyncflow.testing._orchestrators import Kind, Orchestrators
    from asyncflow.testing.faults import Faults


def pytest_configure(config: pytest.Config) -> None:
    """Add the fixtures that pytest-asyncio runs, where it is there."""
    if _has_asyncio(config):
        from asyncflow.testing import _asyncio

        config.pluginmanager.register(_asyncio, "asyncflow for pytest-asyncio")


@pytest.fixture
def asyncflow_config() -> Configuration:
    """Give a fresh `Configuration`.

    The orchestrators below have it. Override this fixture to give them another one: the
    default `Config`, or what a function of yours declares.
    """
    from asyncflow.config import Configuration

    return Configuration()


@pytest.fixture
def asyncflow_faults() -> Iterator[Faults]:
    """Give `Faults` that are active while the test runs.

    It is an error where one of them has not happened by the end.
    """
    from asyncflow.testing.faults import Faults

    with Faults() as faults:
        yield faults

    if faults.pending:
        pytest.fail(f"never happened: {'; '.join(faults.pending)}", pytrace=False)


@pytest.fixture
def asyncflow_orchestrator(request: pytest.FixtureRequest) -> Orchestrator:
    """Give an open `Orchestrator` that runs all jobs in this process.

    It keeps everything in memory. While the test runs, the current directory is
    `tmp_path`: relative paths of data nodes begin there. It is closed at the end.
    """
    return _opened(request, "inline")


@pytest.fixture
def asyncflow_process_orchestrator(request: pytest.FixtureRequest) -> Orchestrator:
    """Give an open `Orchestrator` that runs jobs in two worker processes.

    Its records and values are in `tmp_path`, in ``asyncflow.db`` and beside it. While
    the test runs, that is the current directory. It is closed at the end.
    """
    return _opened(request, "process")


@pytest.fixture
def _asyncflow_bench(
    asyncflow_config: Configuration,
    asyncflow_faults: Faults,  # noqa: ARG001  # they are active
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Orchestrators:
    from asyncflow.testing._orchestrators import Orchestrators

    monkeypatch.chdir(tmp_path)
    return Orchestrators(asyncflow_config, tmp_path)


@pytest.fixture
async def _asyncflow_anyio_inline(
    _asyncflow_bench: Orchestrators,
) -> AsyncIterator[Orchestrator]:
    async with _asyncflow_bench.open("inline") as orchestrator:
        yield orchestrator


@pytest.fixture
async def _asyncflow_anyio_process(
    _asyncflow_bench: Orchestrators,
) -> AsyncIterator[Orchestrator]:
    async with _asyncflow_bench.open("process") as orchestrator:
        yield orchestrator


def _opened(request: pytest.FixtureRequest, kind: Kind) -> Orchestrator:
    """Have an orchestrator opened by the plugin that runs the test."""
    opened: Orchestrator = request.getfixturevalue(_name_for(request, kind))
    return opened


def _name_for(request: pytest.FixtureRequest, kind: Kind) -> str:
    if "anyio_backend" in request.fixturenames:
        return f"_asyncflow_anyio_{kind}"

    if _has_asyncio(request.config) and request.node.get_closest_marker("asyncio"):
        from asyncflow.testing import _asyncio

        return _asyncio.name_for(request, kind)

    pytest.fail(
        f"{request.fixturename} is for async tests: mark the test with "
        "pytest.mark.anyio or pytest.mark.asyncio",
        pytrace=False,
    )


def _has_asyncio(config: pytest.Config) -> bool:
    return config.pluginmanager.has_plugin("asyncio")
