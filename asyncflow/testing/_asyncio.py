"""The fixtures of the plugin that pytest-asyncio runs: one for each scope of its loops."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, Literal, get_args

import pytest_asyncio

if TYPE_CHECKING:
    import pytest

    from asyncflow.orchestrator import Orchestrator
    from asyncflow.testing._orchestrators import Kind, Orchestrators

LoopScope = Literal["function", "class", "module", "package", "session"]


def name_for(request: pytest.FixtureRequest, kind: Kind) -> str:
    """Return the fixture for the loop of a test."""
    marker = request.node.get_closest_marker("asyncio")
    scope = (
        marker.kwargs.get("loop_scope")
        or marker.kwargs.get("scope")  # its old name
        or request.config.getini("asyncio_default_test_loop_scope")
    )
    return _name(scope, kind)


def _name(scope: LoopScope, kind: Kind) -> str:
    return f"_asyncflow_asyncio_{scope}_{kind}"


def _fixture(scope: LoopScope, kind: Kind) -> Any:
    @pytest_asyncio.fixture(loop_scope=scope, name=_name(scope, kind))
    async def fixture(_asyncflow_bench: Orchestrators) -> AsyncIterator[Orchestrator]:
        async with _asyncflow_bench.open(kind) as orchestrator:
            yield orchestrator

    return fixture


for _scope in get_args(LoopScope):
    globals()[_name(_scope, "inline")] = _fixture(_scope, "inline")
    globals()[_name(_scope, "process")] = _fixture(_scope, "process")
