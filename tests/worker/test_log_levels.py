"""The log levels of the parent: a worker makes no record that nobody wants there."""

from __future__ import annotations

import logging

import pytest

from asyncflow import Orchestrator
from tests.support.flows import configuration, single

pytestmark = [pytest.mark.anyio, pytest.mark.blocking_jobs]


def log_levels_of(_: object) -> list[bool]:
    return [
        logging.getLogger(name).isEnabledFor(level)
        for name in ("tests.a", "tests.b", "tests.c")
        for level in (logging.DEBUG, logging.INFO, logging.WARNING)
    ]


async def test_levels_follow_those_of_the_program() -> None:
    config = configuration(workers=1)
    cfg = single(config, log_levels_of)
    a, b = logging.getLogger("tests.a"), logging.getLogger("tests.b")

    async with Orchestrator(config) as orchestrator:
        scenario = await orchestrator.create_scenario(cfg)

        try:
            for first, second in [
                (logging.DEBUG, logging.ERROR),
                (logging.INFO, logging.NOTSET),
                (logging.NOTSET, logging.DEBUG),
            ]:
                a.setLevel(first)
                b.setLevel(second)
                await scenario.submit()
                assert await scenario.result.read() == log_levels_of(0)

            logging.disable(logging.WARNING)
            await scenario.submit()
            assert await scenario.result.read() == [False] * 9
        finally:
            logging.disable(logging.NOTSET)
            a.setLevel(logging.NOTSET)
            b.setLevel(logging.NOTSET)

        await scenario.submit()
        assert await scenario.result.read() == log_levels_of(0)
