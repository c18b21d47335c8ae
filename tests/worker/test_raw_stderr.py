"""What goes to descriptor 2 past Python is folded into the log, marked."""

from __future__ import annotations

import os

import pytest
from anyio import fail_after

from asyncflow import Orchestrator
from tests.support import flows
from tests.support.flows import configuration

pytestmark = pytest.mark.anyio


def lengthen_stderr(_: object) -> str:
    os.ftruncate(2, 1 << 40)  # no byte of it is written
    return "done"


async def test_a_file_that_is_long_and_empty_is_not_copied() -> None:
    config = configuration(workers=1)

    async with Orchestrator(config, ":memory:") as orchestrator:
        cfg = flows.single(config, lengthen_stderr)
        scenario = await orchestrator.create_scenario(cfg)

        with fail_after(30):
            await scenario.submit()

        assert await scenario.result.read() == "done"
